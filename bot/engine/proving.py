"""Checkpoints: every five minutes with news, the log's size and head are signed and told.

The statement is kept in the database, in a file beside the key, and in the audit channel: a
witness each that the others' owner does not own. The file also tells a restored database: a log
that is shorter than what was signed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

import structlog

from bot.domain.checkpoint import FIRST, Statement, parse_statement
from bot.domain.errors import CurfewError
from bot.domain.record import Event, EventKind
from bot.engine.ledger import Ledger, Pen
from bot.storage import store

log = structlog.get_logger("curfew.engine")

RESTORE: Final = "restore"
"""In the settings while a restored database waits for an admin's word."""
RETIRED: Final = "retired-key:"
"""Before a key's id in the settings: the id of the key that took its place."""


class RetiredKeyError(CurfewError):
    """Another key took the place of the one that was to sign."""


class Signer(Protocol):
    """Whoever holds the key."""

    @property
    def key_id(self) -> str: ...

    def sign(self, text: str) -> str: ...

    def again(self) -> Self:
        """The key as its file holds it now."""
        ...


@dataclass(frozen=True, slots=True)
class Witness:
    """The last signed checkpoint, in a file beside the key: `{"statement", "signature"}`."""

    path: Path

    @classmethod
    def beside(cls, key: Path) -> Self:
        """The one that belongs to the key in that file."""
        return cls(key.with_name(key.name + ".checkpoint"))

    def read(self) -> Statement | None:
        """What was signed last; None when there is nothing that can be read."""
        try:
            return parse_statement(json.loads(self.path.read_text())["statement"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, statement: Statement, signature: str) -> None:
        """Replace it, whole or not at all."""
        fresh = self.path.with_name(self.path.name + ".new")
        said = {"statement": statement.text(), "signature": signature}
        fresh.write_text(json.dumps(said))
        fresh.replace(self.path)


class Prover:
    """Signs the log as it grows."""

    def __init__(self, ledger: Ledger, signer: Signer, witness: Witness) -> None:
        """The signer's key outlives the process; the witness's file lies beside it."""
        self._ledger = ledger
        self._signer = signer
        self._witness = witness

    async def run(self) -> None:
        """Sign what is new since the last checkpoint; nothing when there is nothing."""
        for signer in (self._signer, None):
            self._signer = signer or self._signer.again()
            try:
                signed = await self._ledger.write(self._sign)
            except RetiredKeyError:
                continue
            if signed is not None:
                self._witness.write(*signed)
            return
        log.error("nothing signed: the file of the audit key holds one that was replaced")

    def _sign(self, pen: Pen) -> tuple[Statement, str] | None:
        if store.get_setting(pen.conn, RESTORE) is not None:
            return None  # the witness of what is missing stays until an admin has seen it
        head = store.head(pen.conn, lock=True)
        self._require_in_force(pen)
        last = store.last_checkpoint(pen.conn)
        if head.seq == 0 or (last is not None and not _news(pen, last.size, head.seq)):
            return None
        before = FIRST if last is None else _statement(last).digest()
        statement = Statement(head.seq, head.hash, pen.now, before, self._signer.key_id)
        signature = self._signer.sign(statement.text())
        store.add_checkpoint(
            pen.conn,
            store.Checkpoint(
                size=statement.size,
                head=statement.head,
                at=statement.at,
                previous=statement.previous,
                signature=signature,
                key_id=statement.key_id,
            ),
        )
        data = {"size": statement.size, "head": statement.head, "key": statement.key_id}
        pen.note(Event(EventKind.CHECKPOINT_SIGNED, pen.now, "bot", data=data))
        return statement, signature

    def _require_in_force(self, pen: Pen) -> None:
        """Looked up behind the lock on the log's end: no signature comes after a change of keys."""
        successor = store.get_setting(pen.conn, RETIRED + self._signer.key_id)
        if successor is not None:
            raise RetiredKeyError(f"{self._signer.key_id} was replaced by {successor}")


def _news(pen: Pen, signed: int, head: int) -> bool:
    """The line that tells of the last checkpoint is no news."""
    if head > signed + 1:
        return True
    line = store.get_event(pen.conn, head)
    return head > signed and line is not None and line.kind is not EventKind.CHECKPOINT_SIGNED


def _statement(kept: store.Checkpoint) -> Statement:
    return Statement(kept.size, kept.head, kept.at, kept.previous, kept.key_id)


def check_checkpoints(
    kept: list[store.Checkpoint],
    hash_at: Callable[[int], str | None],
    signed_by: Callable[[str, str, str], bool],
) -> str | None:
    """The first fault of the checkpoints, oldest first, or None.

    `hash_at` gives the hash of a line; `signed_by(key_id, text, signature)` checks a signature.
    """
    before = FIRST
    for one in kept:
        statement = _statement(one)
        if statement.previous != before:
            return f"checkpoint {one.size} does not follow from the one before"
        if hash_at(one.size) != one.head:
            return f"line {one.size} is not what checkpoint {one.size} signed"
        if not signed_by(one.key_id, statement.text(), one.signature):
            return f"checkpoint {one.size} is not signed by key {one.key_id}"
        before = statement.digest()
    return None
