"""The only writer: rows, events and notices of a change, in one transaction.

Rules:

- A change is a function over a `Pen`; what it does is written whole or not at all.
- It may be run again from the start (a deadlock, a lost race), so it decides from what it reads
  through the pen and does nothing else.
- No call to the outside happens in it.
- Events are appended last: the head of the chain is the one row that everybody needs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from bot.domain.acts import Act, Ask
from bot.domain.drafts import Step
from bot.domain.grant import Grant, altered
from bot.domain.machine import open_grant, step
from bot.domain.record import (
    ANNOUNCED,
    AUDIT_LANE,
    THREADED,
    Event,
    Notice,
    NoticeKind,
    SealedEvent,
    card_lane,
)
from bot.storage import store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.storage.clock import Clock
    from bot.storage.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit changed, for those who act on it. `notices` says whether there is news."""

    grants: tuple[Grant, ...]
    notices: bool


@dataclass(slots=True)
class Pen:
    """One transaction's hand: reads rows, keeps what is to be written, writes it at the end."""

    conn: "Connection"
    _now: datetime | None = None
    _read: dict[str, Grant] = field(default_factory=dict)
    _changed: dict[str, Grant] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)
    _believing: bool = False
    _leases: dict[str, store.Lease] = field(default_factory=dict)
    _fresh: list[Grant] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _notices: list[Notice] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The transaction's time, taken when it is first wanted: on PostgreSQL it is asked for."""
        if self._now is None:
            self._now = store.now(self.conn)
        return self._now

    def grant(self, grant_id: str) -> Grant | None:
        """The row as it is now, locked until the end of the transaction."""
        return self.grants([grant_id]).get(grant_id)

    def grants(self, ids: Iterable[str]) -> dict[str, Grant]:
        """Several rows at once, by id; those that are not there are left out."""
        wanted = list(dict.fromkeys(ids))
        missing = [grant_id for grant_id in wanted if grant_id not in self._read]
        if missing:
            self.hold(store.get_grants(self.conn, missing, lock=True).values())
        current = {**self._read, **self._changed}
        return {grant_id: current[grant_id] for grant_id in wanted if grant_id in current}

    def believe(self, rows: Iterable[Grant]) -> dict[str, Grant]:
        """Take rows that were read earlier and are not locked; by id.

        Should one be another by now, it shows when it is written: a `ConflictError`.
        """
        self._believing = True
        self.hold(rows)
        return self._read

    def hold(self, rows: Iterable[Grant]) -> None:
        """Take rows that were read and locked by a query of their own."""
        self._read.update({grant.id: grant for grant in rows})

    def open(self, ask: Ask) -> Grant:
        """A new grant."""
        made = open_grant(ask, self.now)
        self._fresh.append(made.grant)
        self._take(made)
        return made.grant

    def step(self, grant: Grant, act: Act) -> Grant:
        """One act on a row that this pen has read. Raises as `bot.domain.machine.step`."""
        made = step(grant, act, self.now)
        self._changed[grant.id] = made.grant
        self._touched.update(made.touched)
        self._take(made)
        return made.grant

    def lease(self, grant: Grant, lease: store.Lease) -> Grant:
        """Claim a row that this pen has read, or keep it claimed after a step."""
        held = {
            "lease_owner": lease.owner,
            "lease_token": lease.token,
            "next_at": lease.until,
            "unsure_until": lease.unsure_until,
        }
        leased = altered(grant, **held)
        if grant.id in self._changed:
            self._changed[grant.id] = leased
            self._touched.update(held)
        else:
            self._read[grant.id] = leased
            self._leases[grant.id] = lease
        return leased

    def note(self, event: Event) -> None:
        """An event that belongs to no step."""
        self._events.append(event)

    def tell(self, notice: Notice) -> None:
        self._notices.append(notice)

    def _take(self, made: Step) -> None:
        self._events.extend(made.events)
        self._notices.extend(made.notices)

    def flush(self) -> Written:
        """Write everything. The last thing that a transaction does."""
        for grant in self._fresh:
            store.insert_grant(self.conn, grant)
        store.lease_grants(self.conn, self._leases.values())
        changed = [self._numbered(grant) for grant in self._changed.values()]
        believed = self._read if self._believing else None
        store.update_grants(self.conn, changed, touched=self._touched, believed=believed)
        grants = (*self._fresh, *changed)
        if not (grants or self._events or self._notices):
            return Written((), notices=False)
        if self._events:
            telling = store.Telling(self._tell_of, self.now)
            store.append_events(self.conn, self._events, telling=telling)
        else:
            store.add_notices(self.conn, self._notices, self.now)
            if self._notices or any(grant.next_at == self.now for grant in grants):
                store.hint(self.conn)
        return Written(grants, bool(self._notices))

    def _tell_of(self, lines: Sequence[SealedEvent]) -> Sequence[Notice]:
        self._notices.extend(notice for line in lines for notice in told_of(line))
        return self._notices

    def _numbered(self, grant: Grant) -> Grant:
        """However many steps it took: one version more than what was read."""
        version = self._read[grant.id].version + 1
        return grant if grant.version == version else altered(grant, version=version)


def told_of(line: SealedEvent) -> Iterable[Notice]:
    """The lines for the audit channel and for the card's thread that an event asks for."""
    told = {"seq": line.seq}
    if line.kind in ANNOUNCED:
        yield Notice(AUDIT_LANE, NoticeKind.AUDIT_LINE, line.grant_id, told)
    if line.kind in THREADED and line.grant_id is not None:
        yield Notice(card_lane(line.grant_id), NoticeKind.THREAD, line.grant_id, told)


class Ledger:
    """Runs changes. Whoever wants to know of commits is called after each, with what it changed."""

    def __init__(self, database: "Database") -> None:
        """The database is open and migrated."""
        self._database = database
        self._listeners: list[Callable[[Written], None]] = []

    @property
    def clock(self) -> "Clock":
        """The process's clock, for distances; a transaction's time is its pen's."""
        return self._database.clock

    def subscribe(self, listener: Callable[[Written], None]) -> None:
        """`listener` is called on the event loop after each commit; it must not block or raise."""
        self._listeners.append(listener)

    async def write(self, change: Callable[[Pen], T]) -> T:
        """Run `change` in one transaction and return its result.

        Raises what `change` raises (then nothing was written) and the storage's errors.
        """

        def run(conn: "Connection") -> tuple[T, Written]:
            pen = Pen(conn)
            result = change(pen)
            return result, pen.flush()

        result, written = await self._database.write(run)
        for listener in self._listeners:
            listener(written)
        return result

    async def peek(self, look: Callable[["Connection"], T]) -> T:
        """Run a function that makes one statement, and one that reads."""
        return await self._database.peek(look)

    async def read(self, look: Callable[["Connection"], T]) -> T:
        """Run a function that only reads."""
        return await self._database.read(look)
