"""Reading the whole log, fast: each line against the one before and against what stands beside it.

What is not in the chain is compared with what is: the columns that searches use, and what people
wrote. A text may be gone; then a later line must say that it was erased.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

from bot.domain.chain import GENESIS, Fault, commitment, stamp
from bot.domain.record import EventKind

Line = tuple[int, str, str, str | None, int, str, str, str | None]
"""Number, body, hash, texts as JSON, microseconds since 1970, kind, actor, grant."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS: Final = 1_000_000
MINUTE: Final = 60 * MICROSECONDS
DAY: Final = 24 * 60
"""Minutes."""
_decode: Final = json.JSONDecoder().raw_decode
"""Without the search for blanks around it."""
ERASURES: Final = frozenset({EventKind.TEXTS_ERASED.value, EventKind.PERSON_ERASED.value})
UNREADABLE: Final = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


class Proofreader:
    """Walks a log from its first line and tells the first fault; `finish` when it was the last.

    Parts may be read apart, each by a reader of its own that begins behind the part before, and be
    put together by `follow`. That a part begins with what the one before it ends with, is seen
    there: every line's own hash is checked.
    """

    def __init__(self, seq: int = 0, head: bytes = bytes.fromhex(GENESIS)) -> None:
        """Behind line `seq`, whose hash is `head`. It keeps nothing but what was erased."""
        self.seq = seq
        self._head = head
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

    def follow(self, part: "Proofreader") -> None:
        """Take on what was found, without a fault, in the lines behind ours."""
        for explanation in part.explanations:
            self._explain(*explanation)
        for grant, writers in part.erased.items():
            self.erased[grant] = writers | self.erased.get(grant, {})
        self.seq, self._head = part.seq, bytes.fromhex(part.head)

    def finish(self) -> Fault | None:
        """After the last line: a text that is gone, and nothing says that it was erased."""
        gone = [seq for writers in self.erased.values() for seq in writers.values()]
        if not gone:
            return None
        seq = min(gone)
        return Fault(seq, f"a text beside line {seq} is gone, and no line says that it was erased")

    def _read(self, lines: Iterable[Line]) -> Fault | None:
        # One loop without calls where nothing is wrong: this runs for every line there is.
        sha256, quoted, date, minute = hashlib.sha256, encode_basestring, _date, _minute
        head, last = self._head, self.seq
        for seq, body, digest, texts, at, kind, actor, grant in lines:
            if seq != last + 1:
                return Fault(last + 1, f"line {last + 1} is missing: {seq} follows {last}")
            head = sha256(head + body.encode()).digest()
            if head.hex() != digest:
                return Fault(seq, f"line {seq} was changed, or a line before it was replaced")
            minutes, rest = divmod(at, MINUTE)
            second = f"{rest:08}"
            about = "null" if grant is None else quoted(grant)
            end = f',"grant":{about},"kind":{quoted(kind)},"seq":{seq},"texts":{{'
            fits = body.startswith(
                f'{{"actor":{quoted(actor)},"at":"{date(minutes // DAY)}{minute(minutes % DAY)}'
                f'{second[:2]}.{second[2:]}Z","data":'
            )
            if texts is None and fits and body.endswith(end + "}}"):
                said = None
            else:
                # Quotes are escaped inside strings: the last such place is not one of `data`.
                place = body.rfind(',"grant":')
                if not (fits and body.startswith(end, place)):
                    return Fault(seq, f"a column beside line {seq} is not what was written")
                said = self._texts(seq, body[place + len(end) - 1 : -1], texts, grant, actor)
            if said is not None:
                return said
            if kind in ERASURES:
                self._explain(grant, json.loads(body)["data"].get("person") or "")
            self._head, self.seq, last = head, seq, seq
        return None

    def _texts(
        self, seq: int, committed: str, texts: str | None, grant: str | None, actor: str
    ) -> Fault | None:
        kept, end = _decode(texts) if texts is not None else ({}, None)
        if texts is not None and end != len(texts):
            return Fault(seq, f"the texts beside line {seq} cannot be read")
        if committed == _committed(kept):
            return None
        wanted, _ = _decode(committed)
        for name, entry in kept.items():
            if wanted.get(name) != commitment(entry["salt"], entry["text"]):
                return Fault(seq, f"the text {name!r} beside line {seq} is not what was written")
        if len(kept) < len(wanted):
            self.erased.setdefault(grant, {}).setdefault(actor, seq)
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


def _committed(kept: Mapping[str, Mapping[str, str]]) -> str:
    """What stands in the chain for these texts, when none of them is gone."""
    said = [f'{encode_basestring(name)}:"{commitment(**entry)}"' for name, entry in kept.items()]
    return f"{{{','.join(said)}}}"


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    """`2026-03-01T`, from days since 1970."""
    return stamp(EPOCH + timedelta(days=day))[: len("2026-03-01T")]


@lru_cache(maxsize=24 * 60)
def _minute(minute: int) -> str:
    """`12:00:`, from minutes since midnight."""
    return f"{minute // 60:02}:{minute % 60:02}:"


def proofread(seq: int, head: str, lines: Iterable[Line]) -> tuple[Proofreader, Fault | None]:
    """The part of a log behind line `seq`, whose hash is said to be `head`: what was found in it.

    Needs nothing but what it is given: other processes may do it.
    """
    try:
        reader = Proofreader(seq, bytes.fromhex(head))
    except UNREADABLE:
        return Proofreader(seq), Fault(seq, f"line {seq} cannot be read")
    return reader, reader.read(lines)
