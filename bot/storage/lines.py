"""The audit log as it is proven: lean pages with the columns beside each line, and hashes alone.

What is not needed for the proof is not decoded: times stay numbers, texts stay JSON.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, cast, func, select, type_coerce

from bot.domain.proofreading import MICROSECONDS, Line
from bot.storage.tables import events


def lines_page(conn: Connection, after_seq: int, limit: int) -> Sequence[Line]:
    """The lines behind `after_seq`, oldest first."""
    query = (
        select(
            events.c.seq,
            events.c.body,
            events.c.hash,
            *_undecoded(conn),
            events.c.kind,
            events.c.actor,
            events.c.grant_id,
        )
        .where(events.c.seq > after_seq)
        .order_by(events.c.seq)
        .limit(limit)
    )
    found = conn.execute(query)
    # The driver's own tuples: SQLAlchemy's rows around them cost a tenth of a whole proof.
    return found.cursor.fetchall() if found.cursor is not None else []


def _undecoded(conn: Connection) -> tuple[ColumnElement[str | None], ColumnElement[int]]:
    """Texts and time. SQLite keeps both so; PostgreSQL's `extract` is exact."""
    if conn.dialect.name == "postgresql":
        since = func.extract("epoch", events.c.at) * MICROSECONDS
        return cast(events.c.texts, Text), cast(since, BigInteger)
    return type_coerce(events.c.texts, Text), type_coerce(events.c.at, BigInteger)


def hashes_at(conn: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The hashes of these lines, by number; those that are not there are left out."""
    query = select(events.c.seq, events.c.hash).where(events.c.seq.in_(sorted(numbers)))
    return {row.seq: row.hash for row in conn.execute(query)}
