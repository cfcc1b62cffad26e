#!/usr/bin/env python3
"""Checks an export of Curfew's audit log, alone: this file, Python and `cryptography`.

    curfew audit export --format jsonl > log.jsonl
    python curfew_verify.py log.jsonl --key audit.pub [--checkpoint audit.key.checkpoint]

What it checks, in the words of docs/audit-format.md:

- the lines are numbered without a gap and each hash follows from the line before;
- what stands beside a line (texts, the readable copy) is what was committed to; a text that is
  gone was erased by a line that says so;
- each checkpoint follows from the one before, names a line of the log with its hash, and (with
  --key, which may be given more than once, or hold several keys) is signed by a key in force then:
  a key that was given, or one that it named as the next in the log;
- no checkpoint is missing of which a line tells;
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
ROTATION = "curfew-key-v1"
END = "-----END PUBLIC KEY-----"


class FaultError(Exception):
    """The log is not what was written."""


Keys = dict[str, Ed25519PublicKey]


def key_id(key: Ed25519PublicKey) -> str:
    """16 hex characters of the raw key's SHA-256."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def load_keys(paths: Iterable[str]) -> Keys:
    """Public keys by their id; a file may hold several."""
    keys = {}
    for path in paths:
        parts = Path(path).read_text(encoding="ascii").split(END)[:-1]
        if not parts:
            raise TypeError(f"{path} holds no public key")
        for part in parts:
            key = serialization.load_pem_public_key(f"{part}{END}\n".encode())
            if not isinstance(key, Ed25519PublicKey):
                raise TypeError(f"{path} holds no Ed25519 key")
            keys[key_id(key)] = key
    return keys


def has_signed(key: Ed25519PublicKey, text: str, signature: str) -> bool:
    """Whether this is the key's signature under exactly this text."""
    try:
        key.verify(base64.b64decode(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def check_signature(keys: Keys, statement: str, signature: str) -> None:
    """Raises FaultError unless the key that the statement names has signed it."""
    signer = statement.splitlines()[5]
    if signer not in keys:
        raise FaultError(f"a checkpoint is signed by key {signer}, which was not given")
    if not has_signed(keys[signer], statement, signature):
        raise FaultError(f"a signature is not by key {signer}")


class Log:
    """Where the walk is."""

    def __init__(self, seq: int, head: str, keys: Keys) -> None:
        """Behind line `seq`, whose hash is `head`."""
        self.begin = self.seq = seq
        self.head = head
        self.keys = dict(keys)
        self.signed: set[tuple[int, str, str]] = set()
        self.retired: dict[str, int] = {}
        self.erased: dict[tuple[str | None, str], int] = {}
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
        if len(texts) < len(inside["texts"]):
            self.erased.setdefault((inside["grant"], inside["actor"]), seq)
        self.seq, self.head = seq, str(line["hash"])
        self.hashes[seq] = self.head
        if inside["kind"] == "texts.erased" and inside["grant"] is not None:
            self.explain(0, inside["grant"])
        elif inside["kind"] == "person.erased":
            self.explain(1, inside["data"]["person"])
        elif inside["kind"] == "key.rotated":
            self.rotate(**inside["data"])
        elif inside["kind"] == "checkpoint.signed":
            self.told(**inside["data"])

    def explain(self, place: int, who: str) -> None:
        """A line says so: the texts of a grant, or those that a person wrote, were erased."""
        self.erased = {key: seq for key, seq in self.erased.items() if key[place] != who}

    def told(self, size: int, head: str, key: str) -> None:
        """A line says so: there is a checkpoint of that length, by that key."""
        if size > self.begin and (size, head, key) not in self.signed:
            raise FaultError(f"line {self.seq} tells of checkpoint {size}, which is not there")

    def rotate(self, old: str, new: str, public: str, signature: str) -> None:
        """Another key signs from here on; the old one vouches for it."""
        self.retired.setdefault(old, self.seq)
        if old not in self.keys:
            return
        said = f"{ROTATION}\n{old}\n{new}\n{public}\n"
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
        if not has_signed(self.keys[old], said, signature) or key_id(key) != new:
            raise FaultError(f"line {self.seq} tells of a new key that the old one did not sign")
        self.keys[new] = key

    def finish(self) -> None:
        """After the last line: a text that is gone, and nothing says that it was erased."""
        if self.erased:
            seq = min(self.erased.values())
            raise FaultError(f"a text beside line {seq} is gone, and no line says it was erased")

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
        signer = statement.splitlines()[5]
        if int(size) >= self.retired.get(signer, self.seq + 1):
            raise FaultError(f"checkpoint {size} is signed by key {signer}, which was replaced")
        self.signed.add((int(size), head, signer))
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


def verify(export: Iterable[str], keys: Keys) -> Log:
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
    log.finish()
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
    begin = f"lines {log.begin + 1} to {log.seq}" if log.begin else f"{log.seq} lines"
    print(f"Whole: {begin}, {log.checkpoints} checkpoints ({signed}); head {log.head}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
