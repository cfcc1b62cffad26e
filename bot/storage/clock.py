"""What time it is, as far as rows are concerned.

On PostgreSQL it is the server's `statement_timestamp()`, so that replicas with wrong clocks agree;
never `clock_timestamp()`, which is volatile and loses the index. On SQLite, where there is one
process, it is that process's clock.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal, select
from sqlalchemy.types import Interval

from bot.storage.types import UtcTime

NOTHING: Final = timedelta(0)


@dataclass(slots=True)
class Clock:
    """The process's clock. `offset` is zero in production; tests move it instead of sleeping."""

    offset: timedelta = field(default=NOTHING)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction runs: known to every connection of a `Database`.

    `replica` is the owner's name in leases. `sole` is true when this process holds the SQLite lock
    file, so that every other owner is known to be dead.
    """

    clock: Clock
    replica: str
    sole: bool = False


PLACE: Final = "curfew_place"


def place(conn: Connection) -> Place:
    """The place of a connection that `Database` handed out."""
    found: Place = conn.get_execution_options()[PLACE]
    return found


def now_expression(conn: Connection) -> ColumnElement[datetime]:
    """Now, as a constant of the statement: usable as the bound of an index range."""
    clock = place(conn).clock
    if conn.dialect.name != "postgresql":
        return literal(clock.now(), UtcTime)
    here: ColumnElement[datetime] = func.statement_timestamp(type_=UtcTime)
    if clock.offset == NOTHING:
        return here
    return here.op("+", return_type=UtcTime())(literal(clock.offset, Interval))


_SERVERS: Final[ColumnElement[datetime]] = func.statement_timestamp(type_=UtcTime)
_MOVED: Final[ColumnElement[datetime]] = _SERVERS.op("+", return_type=UtcTime())(
    bindparam("clock_offset", type_=Interval)
)
_OURS: Final = bindparam("this_moment", type_=UtcTime)


def kept_now(conn: Connection) -> tuple[ColumnElement[datetime], dict[str, object]]:
    """Now, as one of three expressions that never change, and its parameters.

    Statements over them can be kept: making one anew costs more than running it.
    """
    clock = place(conn).clock
    if conn.dialect.name != "postgresql":
        return _OURS, {"this_moment": clock.now()}
    if clock.offset == NOTHING:
        return _SERVERS, {}
    return _MOVED, {"clock_offset": clock.offset}


BEGUN: Final = "curfew_begun"
"""Where SQLite's connections keep when their transaction began; PostgreSQL keeps it itself."""

_SERVERS_BEGUN: Final[ColumnElement[datetime]] = func.transaction_timestamp(type_=UtcTime)
_MOVED_BEGUN: Final[ColumnElement[datetime]] = _SERVERS_BEGUN.op("+", return_type=UtcTime())(
    bindparam("clock_offset", type_=Interval)
)


def kept_beginning(conn: Connection) -> tuple[ColumnElement[datetime], dict[str, object]]:
    """When this transaction began, as `kept_now` gives now: the same for all its statements."""
    clock = place(conn).clock
    if conn.dialect.name != "postgresql":
        return _OURS, {"this_moment": conn.info[BEGUN]}
    if clock.offset == NOTHING:
        return _SERVERS_BEGUN, {}
    return _MOVED_BEGUN, {"clock_offset": clock.offset}


_HERE: Final = select(func.statement_timestamp(type_=UtcTime))


def now(conn: Connection) -> datetime:
    """Now. One round trip on PostgreSQL, none on SQLite."""
    clock = place(conn).clock
    if conn.dialect.name != "postgresql":
        return clock.now()
    if clock.offset == NOTHING:
        here: datetime = conn.execute(_HERE).scalar_one()
        return here
    found: datetime = conn.execute(select(now_expression(conn))).scalar_one()
    return found
