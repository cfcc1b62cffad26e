"""The audit log on disk: one order, no gaps, nothing taken back."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from bot.domain.chain import GENESIS, Verifier
from bot.domain.record import Event, EventKind, SealedEvent
from bot.storage import store
from bot.storage.database import Database
from tests.storage.samples import NOON, make_event, make_grant, plain, put, texts, times

events = st.builds(
    Event,
    kind=st.sampled_from(EventKind),
    at=times,
    actor=texts,
    grant_id=st.none() | texts,
    data=st.dictionaries(texts, plain, max_size=4),
    texts=st.dictionaries(texts, texts, max_size=3),
)


def append(*news: Event) -> Callable[[Connection], list[SealedEvent]]:
    return lambda conn: store.append_events(conn, news)


def verify(log: list[SealedEvent]) -> None:
    verifier = Verifier()
    for line in log:
        assert verifier.check(line.seq, line.body, line.hash, line.texts) is None


async def whole(database: Database) -> list[SealedEvent]:
    return await database.read(lambda conn: store.events_page(conn, 0, 100_000))


async def test_an_empty_log_has_a_head(database: Database) -> None:
    """Before the first line the head is line 0 with the agreed hash."""
    assert await database.read(store.head) == (0, GENESIS)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(news=st.lists(events, max_size=4))
async def test_round_trip(database: Database, news: list[Event]) -> None:
    """Lines come back exactly as they were sealed, bytes and texts, and the head follows."""
    before = await database.read(store.head)
    sealed = await database.write(append(*news))
    found = await database.read(lambda conn: store.events_page(conn, before.seq, 100))
    assert found == sealed
    if sealed:
        last = sealed[-1]
        assert await database.read(store.head) == (last.seq, last.hash)
        assert await database.read(lambda conn: store.get_event(conn, last.seq)) == last


async def test_many_writers_make_one_chain(database: Database, other: Database) -> None:
    """Whoever writes, in however many transactions at once, the log is one chain without gaps."""

    async def write(base: Database, name: str) -> None:
        for number in range(15):
            await base.write(append(*(make_event(number, actor=name) for _ in range(number % 3))))

    await asyncio.gather(*(write(base, name) for base in (database, other) for name in "abcd"))
    log = await whole(database)
    assert [line.seq for line in log] == list(range(1, 121))
    verify(log)


async def test_a_transaction_taken_back_leaves_no_gap(database: Database) -> None:
    """What is not committed has no number."""

    def fail(conn: Connection) -> None:
        store.append_events(conn, [make_event()])
        raise RuntimeError("taken back")

    await database.write(append(make_event(1)))
    results = await asyncio.gather(
        *(database.write(random.choice([fail, append(make_event(2))])) for _ in range(20)),  # noqa: S311 - no secret
        database.write(fail),
        return_exceptions=True,
    )
    assert any(isinstance(result, RuntimeError) for result in results)
    log = await whole(database)
    assert [line.seq for line in log] == list(range(1, len(log) + 1))
    verify(log)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE seq = 2",
        "UPDATE events SET body = '{}' WHERE seq = 2",
        "UPDATE events SET hash = 'x', texts = NULL WHERE seq = 2",
        "UPDATE events SET seq = 9 WHERE seq = 2",
        "UPDATE events SET actor = 'x' WHERE seq = 2",
        "UPDATE events SET person = 'x' WHERE seq = 2",
    ],
)
async def test_the_log_takes_no_change(database: Database, statement: str) -> None:
    """The database itself refuses to change or delete a line."""
    await database.write(append(*(make_event(number) for number in range(3))))
    with pytest.raises(DBAPIError, match="append-only"):
        await database.write(lambda conn: conn.execute(text(statement)))
    verify(await whole(database))


async def test_a_line_is_not_replaced(sqlite_url: str) -> None:
    """SQLite's INSERT OR REPLACE, which deletes without asking, is refused as well."""
    statement = text(
        "INSERT OR REPLACE INTO events (seq, at, kind, actor, body, hash)"
        " VALUES (1, 0, 'x', 'x', 'x', 'x')"
    )
    async with await Database.open(sqlite_url) as database:
        await database.write(append(make_event()))
        with pytest.raises(DBAPIError, match="append-only"):
            await database.write(lambda conn: conn.execute(statement))


async def test_the_log_is_not_truncated(postgres_url: str) -> None:
    """PostgreSQL's TRUNCATE, which fires no row trigger, is refused as well."""
    async with await Database.open(postgres_url) as database:
        await database.write(append(make_event()))
        with pytest.raises(DBAPIError, match="append-only"):
            await database.write(lambda conn: conn.execute(text("TRUNCATE events")))


async def test_erasing_texts_leaves_the_chain_whole(database: Database) -> None:
    """What people wrote can be forgotten; the lines and their hashes stay."""
    grant = make_grant()
    await database.write(put(grant))
    await database.write(append(make_event(1, grant_id=grant.id), make_event(2)))
    erased = await database.write(lambda conn: store.erase_lines(conn, [grant.id]))
    assert erased == {grant.id: 1}
    log = await whole(database)
    assert [bool(line.texts) for line in log] == [False, True]
    verify(log)
    assert "because 1" not in str(log)


async def test_history_of_a_grant(database: Database) -> None:
    """A grant's own lines in order, and no others."""
    await database.write(append(*(make_event(n, grant_id="abc"[n % 3]) for n in range(9))))
    mine = await database.read(lambda conn: store.events_of(conn, "b"))
    assert [line.seq for line in mine] == [2, 5, 8]


async def fill(database: Database) -> list[tuple[SealedEvent, str | None, str | None]]:
    """A log about several people and resources: each line with whose access and to what."""
    kinds = [EventKind.GRANT_REQUESTED, EventKind.VOTE_CAST, EventKind.CLICK_REFUSED]
    owned = [
        make_grant(requester=f"U{who}", resource=what) for who in "AB" for what in ("db", "web")
    ]
    await database.write(put(*owned))
    log: list[tuple[SealedEvent, str | None, str | None]] = []
    for number in range(60):
        grant = owned[number % 5] if number % 5 < 4 else None
        event = make_event(
            number,
            kind=kinds[number % 3],
            actor="U" + "ABC"[number % 7 % 3],
            grant_id=grant and grant.id,
        )
        if grant is None:
            event = replace(event, resource="web")
        (line,) = await database.write(append(event))
        log.append((line, grant and grant.requester, grant.resource if grant else "web"))
    return log


async def test_search(database: Database) -> None:
    """Whatever is combined, the search finds what a plain look through the log does."""
    log = await fill(database)
    grant_id = log[0][0].grant_id
    assert grant_id is not None
    since = NOON + timedelta(microseconds=20)
    vote, refused = EventKind.VOTE_CAST, EventKind.CLICK_REFUSED
    combinations = product(
        (None, "db", "web", "none"),
        (None, "UA", "UC"),
        ((), (vote,), (vote, refused)),
        ((), (grant_id,)),
    )
    for resource, person, kinds, ids in combinations:
        wanted = [
            line.seq
            for line, owner, what in reversed(log)
            if (resource is None or what == resource)
            and (person is None or person in {owner, line.actor})
            and (not kinds or line.kind in kinds)
            and (not ids or line.grant_id in ids)
            and line.at >= since
            and line.seq < 55
        ]
        found = await database.read(
            partial(
                store.search_events,
                resource=resource,
                person=person,
                kinds=kinds,
                grant_ids=ids,
                since=since,
                before_seq=55,
                limit=6,
            )
        )
        assert [line.seq for line in found] == wanted[:6]
