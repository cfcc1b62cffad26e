"""The audit log on disk: appending, reading, searching. Its mathematics is in `domain.chain`."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    Subquery,
    bindparam,
    func,
    insert,
    select,
    union,
    update,
)

from bot.domain import chain
from bot.domain.errors import ProgramError
from bot.domain.record import Event, EventKind, Notice, SealedEvent
from bot.storage.clock import place
from bot.storage.notices import add_notices, insertion, insertion_values
from bot.storage.presence import HINT
from bot.storage.rows import row_to_event
from bot.storage.sheet import Sheet
from bot.storage.tables import by_index, chain_head, events, grants, notices

CLOCK_STEP: Final = timedelta(days=1)

Seal = Callable[[str, int, Event], SealedEvent]


class Telling(NamedTuple):
    """Which notices are queued with lines, and when that is."""

    of: Callable[[Sequence[SealedEvent]], Sequence[Notice]]
    at: datetime


class Head(NamedTuple):
    """The last line of the log: its number and hash. Number 0 when it is empty."""

    seq: int
    hash: str


_SHEET: Final = Sheet(
    *(events.c[name] for name in ("seq", "at", "kind", "actor", "grant_id", "body", "hash")),
    *(events.c[name] for name in ("texts", "person", "resource")),
)
_SUBJECT: Final = {"person": grants.c.requester, "resource": grants.c.resource}


@cache
def _insertion(given: Subquery) -> Insert:
    """The subject is looked up where it was not said, so that no caller has to think of it."""
    row = [given.c[name] for name in _SHEET.names if name not in _SUBJECT]
    for name, column in _SUBJECT.items():
        known = select(column).where(grants.c.id == given.c.grant_id).scalar_subquery()
        row.append(func.coalesce(given.c[name], known).label(name))
    return insert(events).from_select([column.name for column in row], select(*row))


_HEAD: Final = select(chain_head.c.seq, chain_head.c.hash)
_LOCKED_HEAD: Final = _HEAD.with_for_update()
_TAKEN_HEAD: Final = _HEAD.add_columns(HINT).with_for_update()
_MOVE: Final = update(chain_head).values(seq=bindparam("new_seq"), hash=bindparam("new_hash"))


@cache
def _all_at_once(given: Subquery, telling: Insert | None) -> Insert:
    """In one round trip: everybody else who appends waits for it."""
    parts = [_MOVE.returning(chain_head.c.id).cte("moved")]
    if telling is not None:
        parts.append(telling.returning(notices.c.id).cte("told"))
    return _insertion(given).add_cte(*parts)


def head(conn: Connection, *, lock: bool = False) -> Head:
    """The end of the log; with `lock` nobody else appends before this transaction ends."""
    return _head(conn.execute(_LOCKED_HEAD if lock else _HEAD).one_or_none())


def _head(row: Row[Any, Any] | None) -> Head:
    if row is None:
        raise ProgramError("the audit log has lost its head row")
    return Head(row.seq, row.hash)


def append_events(
    conn: Connection,
    news: Sequence[Event],
    *,
    telling: Telling | None = None,
    seal: Seal = chain.seal,
) -> list[SealedEvent]:
    """Numbers, seals and writes lines at the end of the log, and the notices that tell of them.

    Other processes hear of it (see `hint`). Everybody else who appends waits from here to the end
    of the transaction: call it last.
    """
    if not news:
        return []
    sealed = _chained(_take_head(conn), news, seal)
    rows = [_row(line, event) for line, event in zip(sealed, news, strict=True)]
    values = _SHEET.given(conn, rows)
    moved = {"new_seq": sealed[-1].seq, "new_hash": sealed[-1].hash}
    told = telling.of(sealed) if telling else ()
    if conn.dialect.name != "postgresql":
        conn.execute(_insertion(_SHEET.of(conn)), values)
        conn.execute(_MOVE, moved)
        if telling:
            add_notices(conn, told, telling.at)
        return sealed
    values |= moved
    if telling and told:
        values |= insertion_values(conn, told, telling.at)
    conn.execute(_all_at_once(_SHEET.of(conn), insertion(conn) if told else None), values)
    return sealed


def _chained(end: Head, news: Sequence[Event], seal: Seal) -> list[SealedEvent]:
    last, digest = end
    sealed: list[SealedEvent] = []
    for seq, event in enumerate(news, start=last + 1):
        line = seal(digest, seq, event)
        digest = line.hash
        sealed.append(line)
    return sealed


def _take_head(conn: Connection) -> Head:
    """The end of the log, ours; with the hint, which costs no round trip here."""
    if conn.dialect.name != "postgresql":
        return head(conn, lock=True)
    found = conn.execute(_TAKEN_HEAD, {"teller": place(conn).replica}).one_or_none()
    return _head(found)


def _row(line: SealedEvent, event: Event) -> tuple[object, ...]:
    return (
        line.seq,
        line.at,
        line.kind,
        line.actor,
        line.grant_id,
        line.body,
        line.hash,
        {name: dict(text) for name, text in line.texts.items()} or None,
        event.person,
        event.resource,
    )


def events_of(conn: Connection, grant_id: str) -> list[SealedEvent]:
    """A grant's whole history, oldest first."""
    query = select(events).where(events.c.grant_id == grant_id).order_by(events.c.seq)
    return [row_to_event(row) for row in conn.execute(query)]


def events_page(conn: Connection, after_seq: int, limit: int) -> list[SealedEvent]:
    """The lines behind `after_seq`, oldest first: the whole log page by page, memory flat."""
    query = select(events).where(events.c.seq > after_seq).order_by(events.c.seq).limit(limit)
    return [row_to_event(row) for row in conn.execute(query)]


def get_event(conn: Connection, seq: int) -> SealedEvent | None:
    row = conn.execute(select(events).where(events.c.seq == seq)).one_or_none()
    return None if row is None else row_to_event(row)


def first_event_since(conn: Connection, since: datetime) -> int | None:
    """The number of the first line from that moment on, None when there is none yet."""
    query = select(func.min(events.c.seq)).where(events.c.at >= since)
    found: int | None = conn.execute(query).scalar()
    return found


def search_events(
    conn: Connection,
    *,
    grant_ids: Collection[str] = (),
    resource: str | None = None,
    person: str | None = None,
    kinds: Collection[EventKind] = (),
    since: datetime | None = None,
    before_seq: int | None = None,
    limit: int = 50,
) -> list[SealedEvent]:
    """Lines that fit all that is given, newest first, from before `before_seq` on.

    `person` finds what somebody did as well as what was about their access.
    """
    common: list[ColumnElement[bool]] = []
    if since is not None:
        common += [events.c.at >= since, events.c.seq > _before(since)]
    if before_seq is not None:
        common.append(events.c.seq < before_seq)
    # Each way to fit is one index range cut at `limit`; OR and IN would sort all there is.
    ways = [
        by_index(select(events.c.seq), events, index)
        .where(*common, *way)
        .order_by(events.c.seq.desc())
        .limit(limit)
        .subquery()
        for way, index in _ways(grant_ids, resource, person, kinds)
    ]
    found = union(*(select(way.c.seq) for way in ways))
    query = select(events).where(events.c.seq.in_(found)).order_by(events.c.seq.desc()).limit(limit)
    return [row_to_event(row) for row in conn.execute(query)]


def _before(since: datetime) -> ColumnElement[int]:
    """A line before all that are wanted, so that a search does not walk the log to its start.

    Times follow the numbers but for steps of the clock; one back over a whole day is not expected.
    """
    line = (
        select(events.c.seq)
        .where(events.c.at < since - CLOCK_STEP)
        .order_by(events.c.at.desc())
        .limit(1)
    )
    return func.coalesce(line.scalar_subquery(), 0)


def _ways(
    grant_ids: Collection[str],
    resource: str | None,
    person: str | None,
    kinds: Collection[EventKind],
) -> Iterator[tuple[list[ColumnElement[bool]], str | None]]:
    """The alternatives, each a conjunction: one for each grant, kind and role of the person.

    With each the index of what is narrowest in it.
    """
    fits: list[list[tuple[ColumnElement[bool], str]]] = []
    if grant_ids:
        fits.append([(events.c.grant_id == one, "events_by_grant") for one in sorted(grant_ids)])
    if person is not None:
        by, about = events.c.actor == person, events.c.person == person
        fits.append([(by, "events_by_actor"), (about, "events_by_person")])
    if resource is not None:
        fits.append([(events.c.resource == resource, "events_by_resource")])
    if kinds:
        fits.append([(events.c.kind == kind.value, "events_by_kind") for kind in sorted(kinds)])
    for way in product(*fits):
        yield [fit for fit, _ in way], next((index for _, index in way), None)
