"""Reading the whole log, fast: each line against the one before and against what stands beside it.

What is not in the chain is compared with what is: the columns that searches use, and what people
wrote. A text may be gone; then a later line must say that it was erased.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder, decode

from bot.domain.chain import GENESIS, Fault, commitment
from bot.domain.record import EventKind

Line = tuple[int, str, str, str | None, int, str, str, str | None]
"""Number, body, hash, texts as JSON, microseconds since 1970, kind, actor, grant."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS: Final = 1_000_000
MICROSECOND: Final = timedelta(microseconds=1)


class _Body(Struct, forbid_unknown_fields=True):
    """What was hashed."""

    seq: int
    at: datetime
    kind: str
    actor: str
    data: Raw
    texts: dict[str, str]
    grant: str | None


class _Text(Struct, forbid_unknown_fields=True):
    salt: str
    text: str


_decode_body: Final = Decoder(_Body).decode
_decode_texts: Final = Decoder(dict[str, _Text]).decode
ERASURES: Final = frozenset({EventKind.TEXTS_ERASED.value, EventKind.PERSON_ERASED.value})
UNREADABLE: Final = (AttributeError, KeyError, OverflowError, TypeError, ValueError, DecodeError)


class Proofreader:
    """Walks a log from its first line and tells the first fault; `finish` when it was the last.

    Parts may be read apart, each by a reader of its own that begins behind the part before, and be
    put together by `follow`.
    """

    def __init__(self, seq: int = 0, head: bytes = bytes.fromhex(GENESIS)) -> None:
        """Behind line `seq`, whose hash is `head`. It keeps nothing but what was erased."""
        self.seq = seq
        self._head = head
        self.began: Final = seq, head
        """Behind which line, and its hash."""
        self.erased: dict[str | None, dict[str, int]] = {}
        """The first line without its text, by grant and by who wrote it."""
        self.explanations: list[tuple[str | None, str]] = []
        """Of which grant, or of which person, lines say that texts were erased."""

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self._head.hex()

    def read(self, lines: Iterable[Line]) -> Fault | None:
        """The next lines. None when each follows from the one before."""
        try:
            return self._read(lines)
        except UNREADABLE:
            seq = self.seq + 1
            return Fault(seq, f"line {seq} cannot be read")

    def follow(self, part: "Proofreader") -> bool:
        """Take on what was found, without a fault, in the lines behind ours.

        False, and nothing is taken on, when that part did not begin where we are.
        """
        if part.began != (self.seq, self._head):
            return False
        for explanation in part.explanations:
            self._explain(*explanation)
        for grant, writers in part.erased.items():
            self.erased[grant] = writers | self.erased.get(grant, {})
        self.seq, self._head = part.seq, bytes.fromhex(part.head)
        return True

    def finish(self) -> Fault | None:
        """After the last line: a text that is gone, and nothing says that it was erased."""
        gone = [seq for writers in self.erased.values() for seq in writers.values()]
        if not gone:
            return None
        seq = min(gone)
        return Fault(seq, f"a text beside line {seq} is gone, and no line says that it was erased")

    def _read(self, lines: Iterable[Line]) -> Fault | None:
        # One loop without calls of ours where nothing is wrong: this runs for every line there is.
        sha256, decoded, epoch, microsecond = hashlib.sha256, _decode_body, EPOCH, MICROSECOND
        head, last = self._head, self.seq
        for seq, body, digest, texts, at, kind, actor, grant in lines:
            if seq != last + 1:
                return Fault(last + 1, f"line {last + 1} is missing: {seq} follows {last}")
            plain = body.encode()
            head = sha256(head + plain).digest()
            if head.hex() != digest:
                return Fault(seq, f"line {seq} was changed, or a line before it was replaced")
            said = decoded(plain)
            if (
                said.seq != seq
                or said.kind != kind
                or said.actor != actor
                or said.grant != grant
                or (said.at - epoch) // microsecond != at
            ):
                return Fault(seq, f"a column beside line {seq} is not what was written")
            if (said.texts or texts is not None) and (fault := self._texts(said, texts)):
                return fault
            if kind in ERASURES:
                self._explain(grant, decode(said.data).get("person") or "")
            self._head, self.seq, last = head, seq, seq
        return None

    def _texts(self, said: _Body, texts: str | None) -> Fault | None:
        kept = _decode_texts(texts) if texts is not None else {}
        for name, entry in kept.items():
            if said.texts.get(name) != commitment(entry.salt, entry.text):
                what = f"the text {name!r} beside line {said.seq} is not what was written"
                return Fault(said.seq, what)
        if len(kept) < len(said.texts):
            self.erased.setdefault(said.grant, {}).setdefault(said.actor, said.seq)
        return None

    def _explain(self, grant: str | None, person: str) -> None:
        """A line says so: of all texts of a grant, or of all that a person wrote."""
        self.explanations.append((grant, person))
        if grant is not None:
            self.erased.pop(grant, None)
            return
        for about, writers in list(self.erased.items()):
            writers.pop(person, None)
            if not writers:
                del self.erased[about]
