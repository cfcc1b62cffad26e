"""The mathematics of the audit log: what is hashed, and how a line follows from the one before.

Rules:

- `hash = sha256(previous hash ‖ body)`, the previous hash as 32 raw bytes, 32 zero bytes before
  the first line.
- `body` is UTF-8 JSON with sorted keys, no spaces, no floats; the exact bytes are kept, so nobody
  has to make them again to check.
- What people wrote is not in the body: a commitment `sha256(salt ‖ text)` is. Erasing the text
  and its salt leaves the chain whole.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Final

from bot.domain.compact import compact
from bot.domain.errors import ProgramError
from bot.domain.record import Event, SealedEvent

GENESIS: Final = "0" * 64
SHORT_HASH: Final = 12
"""Characters of a hash shown to people, as in `#42 0f3a…`."""


def canonical(value: object) -> str:
    """The one JSON text of a value. Floats are refused: they have no single spelling."""
    _refuse_floats(value)
    return compact(value)


_LEAVES: Final = frozenset({str, int, bool, NoneType})
_ROWS: Final = (list, tuple)
_NESTS: Final = (dict, *_ROWS, Mapping)


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise ProgramError(f"a float has no place in the audit log: {value!r}")
    if isinstance(value, _NESTS):
        for item in value if isinstance(value, _ROWS) else value.values():
            if type(item) not in _LEAVES:  # few are not
                _refuse_floats(item)


@lru_cache(maxsize=64)  # what is written in one transaction has one time
def stamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, the only form in which times are hashed."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def commitment(salt: str, text: str) -> str:
    """What stands in the chain for a text: checked with the salt, not guessed without it."""
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def link(previous: str, body: str) -> str:
    """The hash of a line, from the hash of the line before and its own body."""
    return hashlib.sha256(bytes.fromhex(previous) + body.encode()).hexdigest()


def seal(
    previous: str, seq: int, event: Event, *, salt: Callable[[], str] = lambda: secrets.token_hex(8)
) -> SealedEvent:
    """The line that follows `previous` at position `seq` (counted from 1)."""
    texts = {name: {"salt": salt(), "text": text} for name, text in sorted(event.texts.items())}
    body = canonical(
        {
            "seq": seq,
            "at": stamp(event.at),
            "grant": event.grant_id,
            "kind": str(event.kind),
            "actor": event.actor,
            "data": dict(event.data),
            "texts": {name: commitment(**entry) for name, entry in texts.items()},
        }
    )
    return SealedEvent(
        seq=seq,
        at=event.at,
        kind=event.kind,
        actor=event.actor,
        grant_id=event.grant_id,
        body=body,
        texts=texts,
        hash=link(previous, body),
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """The first line at which the log is not what it was, and in which way."""

    seq: int
    what: str


class Verifier:
    """Walks a log from its first line and tells the first fault. Keeps nothing but the head."""

    def __init__(self, *, seq: int = 0, head: str = GENESIS) -> None:
        """Starts behind line `seq` whose hash is `head`: a page, or the whole from nothing."""
        self.seq = seq
        self.head = head

    def check(
        self, seq: int, body: str, digest: str, texts: Mapping[str, Mapping[str, str]]
    ) -> Fault | None:
        """None when this line follows from the one before; then it is the new head."""
        if seq != self.seq + 1:
            return Fault(self.seq + 1, f"line {self.seq + 1} is missing: {seq} follows {self.seq}")
        if link(self.head, body) != digest:
            return Fault(seq, f"line {seq} was changed, or a line before it was replaced")
        if texts and (fault := self._texts(seq, body, texts)):
            return fault
        self.seq, self.head = seq, digest
        return None

    @staticmethod
    def _texts(seq: int, body: str, texts: Mapping[str, Mapping[str, str]]) -> Fault | None:
        committed = json.loads(body)["texts"]
        for name, entry in texts.items():
            if committed.get(name) != commitment(entry["salt"], entry["text"]):
                return Fault(seq, f"the text {name!r} beside line {seq} is not what was written")
        return None
