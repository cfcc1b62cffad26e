"""A database of some age: live grants by the hundred thousand, a log of a million true lines."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy.engine import make_url

from bench.raw import EVENT, plain
from bench.scene import asking
from bot.domain.acts import Confirm, Role, Vote
from bot.domain.chain import GENESIS, seal
from bot.domain.codec import person_text
from bot.domain.compact import compact
from bot.domain.grant import Grant, Recipient, altered
from bot.domain.machine import open_grant, step
from bot.domain.record import Event, EventKind
from bot.storage.rows import grant_to_row

KINDS = (
    EventKind.GRANT_REQUESTED,
    EventKind.GRANT_APPROVED,
    EventKind.GRANT_STARTED,
    EventKind.GRANT_EXPIRED,
    EventKind.GRANT_ENDED,
)
CHANGES = {"changes": {"state": "active"}}
TEXTS = {
    "person": person_text(Recipient("U0000000", "dana@example.com", "Dana")),
    "reason": "fix the stuck order of a customer, INC-12345",
}
DUE = 10
"""One grant in so many is due; the others have days left."""


def grant_ids(count: int) -> Iterator[str]:
    return (f"{number:012}" for number in range(count))


def build(url: str, on: str, grants: int, events: int) -> None:
    """Into fresh tables."""
    names = list(next(_grant_rows(1, on)))
    values = (tuple(row.values()) for row in _grant_rows(grants, on))
    lines = _event_rows(events, grants, on)
    if on == "sqlite":
        _into_sqlite(make_url(url).database or "", names, values, lines)
    else:
        _into_postgres(url, names, values, lines)


def _grant_rows(count: int, on: str) -> Iterator[dict[str, object]]:
    now = datetime.now(UTC)
    model = _active(now - timedelta(hours=1))
    for number, grant_id in enumerate(grant_ids(count)):
        end = now if number % DUE == 0 else now + timedelta(days=3, milliseconds=number)
        grant = altered(model, id=grant_id, requester=f"U{number:07}", expires_at=end, next_at=end)
        yield {name: plain(value, on) for name, value in grant_to_row(grant).items()}


def _active(begun: datetime) -> Grant:
    grant = open_grant(asking("U0000000", begun), begun).grant
    grant = step(grant, Vote(actor="U0MAYA", role=Role.APPROVER), begun).grant
    return step(grant, Confirm(actor="worker", role=Role.WORKER, native_end=None), begun).grant


def _event_rows(count: int, grants: int, on: str) -> Iterator[tuple[object, ...]]:
    """Five lines a grant, over and over, as time goes by. The first has what a person wrote."""
    digest, began = GENESIS, datetime.now(UTC) - timedelta(days=300)
    for seq in range(1, count + 1):
        number = seq // 5 % grants
        at = began + timedelta(seconds=20 * seq)
        kind, grant_id = KINDS[seq % 5], f"{number:012}"
        texts = TEXTS if kind is EventKind.GRANT_REQUESTED else {}
        event = Event(kind, at, f"U{seq % 997:07}", grant_id, CHANGES, texts)
        line = seal(digest, seq, event)
        digest = line.hash
        who = (line.grant_id, f"U{number:07}", "lab" if number % 50 else "vault")
        kept = compact(dict(line.texts)) if texts else None
        yield (seq, plain(at, on), kind.value, line.actor, *who, line.body, digest, kept)


def _into_sqlite(
    path: str,
    names: list[str],
    grants: Iterable[tuple[object, ...]],
    events: Iterable[tuple[object, ...]],
) -> None:
    conn = sqlite3.connect(path)
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    conn.executemany(f"INSERT INTO grants ({columns}) VALUES ({marks})", grants)
    marks = ", ".join("?" * len(EVENT))
    conn.executemany(f"INSERT INTO events ({', '.join(EVENT)}) VALUES ({marks})", events)
    conn.execute(
        "UPDATE chain_head SET (seq, hash) = (SELECT seq, hash FROM events ORDER BY seq DESC)"
    )
    conn.commit()
    conn.execute("PRAGMA optimize")
    conn.close()


def _into_postgres(
    url: str,
    names: list[str],
    grants: Iterable[tuple[object, ...]],
    events: Iterable[tuple[object, ...]],
) -> None:
    columns = ", ".join(f'"{name}"' for name in names)
    with psycopg.connect(url, autocommit=True) as conn, conn.cursor() as cursor:
        for table, listed, rows in (
            ("grants", columns, grants),
            ("events", ", ".join(EVENT), events),
        ):
            with cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        conn.execute(
            "UPDATE chain_head SET (seq, hash) ="
            " (SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1)"
        )
        conn.execute("VACUUM ANALYZE")
