#!/usr/bin/env python3
"""Checks an export of Curfew's audit log, alone: this file, Python and `cryptography`.

    curfew audit export --format jsonl > log.jsonl
    python curfew_verify.py log.jsonl --key audit.pub [--checkpoint audit.key.checkpoint]

What it checks, in the words of docs/audit-format.md:

- the lines are numbered without a gap and each hash follows from the line before;
- what stands beside a line (texts, the readable copy) is what was committed to;
- each checkpoint follows from the one before, names a line of the log with its hash, and (with
  --key, which may be given more than once after a rotation) is signed by that key;
- with --checkpoint, that the log still holds what an outside witness saw: a cut tail shows.

Exit codes: 0 the log is whole, 1 it is not (the first fault is named), 2 wrong usage.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
HEADING = "curfew-checkpoint-v1"


class FaultError(Exception):
    """The log is not what was written."""


def load_keys(paths: Iterable[str]) -> dict[str, Ed25519PublicKey]:
    """Public keys by their id: 16 hex characters of the raw key's SHA-256."""
    keys = {}
    for path in paths:
        key = serialization.load_pem_public_key(Path(path).read_bytes())
        if not isinstance(key, Ed25519PublicKey):
            raise TypeError(f"{path} holds no Ed25519 key")
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        keys[hashlib.sha256(raw).hexdigest()[:16]] = key
    return keys


def check_signature(keys: Mapping[str, Ed25519PublicKey], statement: str, signature: str) -> None:
    """Raises FaultError unless the key that the statement names has signed it."""
    key_id = statement.splitlines()[5]
    if key_id not in keys:
        raise FaultError(f"a checkpoint is signed by key {key_id}, which was not given")
    try:
        keys[key_id].verify(base64.b64decode(signature), statement.encode())
    except (InvalidSignature, ValueError):
        raise FaultError(f"a signature is not by key {key_id}") from None


class Log:
    """Where the walk is."""

    def __init__(self, seq: int, head: str, keys: Mapping[str, Ed25519PublicKey]) -> None:
        """Behind line `seq`, whose hash is `head`."""
        self.seq = seq
        self.head = head
        self.keys = keys
        self.hashes = {seq: head}
        self.previous: str | None = GENESIS if seq == 0 else None
        self.checkpoints = 0

    def event(self, line: Mapping[str, object]) -> None:
        """One more line of the log."""
        seq, texts = line["seq"], line.get("texts", {})
        if not (isinstance(seq, int) and isinstance(texts, dict)):
            raise TypeError
        if seq != self.seq + 1:
            raise FaultError(f"line {self.seq + 1} is missing: {seq} follows {self.seq}")
        body = str(line["body"]).encode()
        if hashlib.sha256(bytes.fromhex(self.head) + body).hexdigest() != str(line["hash"]):
            raise FaultError(f"line {seq} was changed, or a line before it was replaced")
        inside = json.loads(body)
        if inside["seq"] != seq or inside != line.get("event", inside):
            raise FaultError(f"the readable copy of line {seq} is not what was hashed")
        for name, entry in texts.items():
            said = hashlib.sha256((entry["salt"] + entry["text"]).encode()).hexdigest()
            if inside["texts"].get(name) != said:
                raise FaultError(f"the text {name!r} beside line {seq} is not what was written")
        self.seq, self.head = seq, str(line["hash"])
        self.hashes[seq] = self.head

    def checkpoint(self, statement: str, signature: str) -> None:
        """A checkpoint, right after the line that it signs."""
        heading, size, head, _at, previous, _key = statement.splitlines()
        if heading != HEADING:
            raise FaultError("a checkpoint of an unknown kind")
        if self.hashes.get(int(size)) != head:
            raise FaultError(f"line {size} is not what checkpoint {size} signed")
        if self.previous is not None and previous != self.previous:
            raise FaultError(f"checkpoint {size} does not follow from the one before")
        if self.keys:
            check_signature(self.keys, statement, signature)
        self.previous = hashlib.sha256(statement.encode()).hexdigest()
        self.checkpoints += 1

    def witness(self, path: str) -> None:
        """What somebody outside kept: the log must still hold it."""
        kept = json.loads(Path(path).read_text())
        statement = kept["statement"]
        size, head = int(statement.splitlines()[1]), statement.splitlines()[2]
        if size > self.seq:
            raise FaultError(f"a cut tail: the log ends with {self.seq}, {path} saw {size}")
        if size in self.hashes and self.hashes[size] != head:
            raise FaultError(f"line {size} is not what {path} saw")
        if self.keys:
            check_signature(self.keys, statement, kept["signature"])


def verify(export: Iterable[str], keys: Mapping[str, Ed25519PublicKey]) -> Log:
    """Walks the export to its end. Raises FaultError at the first line that is wrong."""
    log = None
    for number, raw in enumerate(export, 1):
        try:
            line = json.loads(raw)
            kind = line["type"]
            if kind == "export":
                log = Log(line["after"], line["previous"], keys)
                if line["after"] == 0 and line["previous"] != GENESIS:
                    raise FaultError("the log does not begin at its beginning")
            elif log is None:
                raise FaultError("the first line does not say where the export begins")
            elif kind == "event":
                log.event(line)
            elif kind == "checkpoint":
                log.checkpoint(line["statement"], line["signature"])
            else:
                raise FaultError(f"line {number} of the file is of an unknown kind")
        except (KeyError, ValueError, TypeError, AttributeError):
            raise FaultError(f"line {number} of the file cannot be read") from None
    if log is None:
        raise FaultError("the export is empty")
    return log


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Checks an export of Curfew's audit log.",
        epilog="Example: python curfew_verify.py log.jsonl --key audit.pub",
    )
    parser.add_argument("export", help="a file made by: curfew audit export --format jsonl")
    parser.add_argument("--key", action="append", default=[], help="a public key (PEM)")
    parser.add_argument("--checkpoint", help="a checkpoint that was kept outside")
    given = parser.parse_args()
    try:
        keys = load_keys(given.key)
        with Path(given.export).open(encoding="utf-8") as export:
            log = verify(export, keys)
        if given.checkpoint:
            log.witness(given.checkpoint)
    except FaultError as fault:
        print(f"NOT WHOLE: {fault}.")
        return 1
    except (OSError, ValueError, TypeError) as error:
        print(f"curfew_verify: {error}", file=sys.stderr)
        return 2
    signed = "signatures checked" if keys else "signatures not checked: give --key"
    print(f"Whole: {log.seq} lines, {log.checkpoints} checkpoints ({signed}); head {log.head}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
