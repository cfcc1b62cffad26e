"""The small tables."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from bot.storage import store
from bot.storage.database import Database
from tests.storage.samples import HOUR, NOON, make_grant, put


async def test_a_request_is_seen_once(database: Database, other: Database) -> None:
    """Of the same request delivered ten times at once, one is the first."""
    firsts = await asyncio.gather(
        *(
            base.write(lambda conn: store.remember(conn, "trigger-1", NOON))
            for base in (database, other)
            for _ in range(5)
        )
    )
    assert sum(firsts) == 1
    await database.write(lambda conn: store.remember(conn, "trigger-2", NOON + HOUR))
    assert await database.write(lambda conn: store.forget_seen(conn, NOON + HOUR)) == 1
    assert await database.write(lambda conn: store.remember(conn, "trigger-1", NOON))
    assert not await database.write(lambda conn: store.remember(conn, "trigger-2", NOON))


async def test_sessions(database: Database) -> None:
    """Open sessions are remembered until they close, and keep the time they were first seen."""
    grant = make_grant()
    await database.write(put(grant))

    async def add(**opened: int) -> None:
        at = {name: NOON + timedelta(hours=hours) for name, hours in opened.items()}
        await database.write(lambda conn: store.add_sessions(conn, grant.id, at))

    await add(a=0, b=0)
    await add(b=5, c=5)
    await add()
    await database.write(lambda conn: store.drop_sessions(conn, grant.id, ["a", "never"]))
    found = await database.read(lambda conn: store.open_sessions(conn, grant.id))
    assert found == {"b": NOON, "c": NOON + timedelta(hours=5)}


async def test_sessions_are_of_a_grant(database: Database) -> None:
    """A session of a grant that does not exist is refused: foreign keys are on."""
    with pytest.raises(IntegrityError):
        await database.write(lambda conn: store.add_sessions(conn, "nobody", {"a": NOON}))


async def test_checkpoints(database: Database) -> None:
    """Checkpoints come back whole, the newest first, and never two of one size."""
    assert await database.read(store.last_checkpoint) is None
    many = [
        store.Checkpoint(size, "h" * 64, NOON + size * HOUR, "p" * 64, "signature", "key")
        for size in (3, 1, 2)
    ]
    for one in many:
        await database.write(lambda conn, one=one: store.add_checkpoint(conn, one))
    assert await database.read(store.last_checkpoint) == many[0]
    found = await database.read(store.list_checkpoints)
    assert [one.size for one in found] == [3, 2, 1]
    with pytest.raises(IntegrityError):
        await database.write(lambda conn: store.add_checkpoint(conn, many[0]))


async def test_settings(database: Database) -> None:
    """A value is absent until it is set, and then the last one."""
    assert await database.read(lambda conn: store.get_setting(conn, "mark")) is None
    for value in ("1", "2"):
        await database.write(lambda conn, value=value: store.set_setting(conn, "mark", value))
    assert await database.read(lambda conn: store.get_setting(conn, "mark")) == "2"


async def test_replicas(database: Database) -> None:
    """Who works here, since when, and when they were last heard of."""
    many = [store.Replica(f"r{n}", "host", n, NOON - n * HOUR, NOON) for n in range(3)]
    for one in many:
        await database.write(lambda conn, one=one: store.add_replica(conn, one))
    await database.write(lambda conn: store.touch_replica(conn, "r1", NOON + HOUR))
    await database.write(lambda conn: store.drop_replicas(conn, ["r0"]))
    found = await database.read(store.list_replicas)
    assert [(one.id, one.seen_at) for one in found] == [("r2", NOON), ("r1", NOON + HOUR)]


async def test_postings(database: Database) -> None:
    """A grant has one message in each role; a new one takes the former's place."""
    card = store.Posting("g", "card", "C1", "1.1", "aa")
    note = store.Posting("g", "dm_granted", "D1", "1.2", "bb")
    moved = store.Posting("g", "card", "C2", "1.3", "cc")
    for one in (card, note, moved):
        await database.write(lambda conn, one=one: store.put_posting(conn, one))
    assert await database.read(lambda conn: store.postings_of(conn, "g")) == [moved, note]
    assert await database.read(lambda conn: store.posting_at(conn, "C1", "1.1")) is None
    assert await database.read(lambda conn: store.posting_at(conn, "D1", "1.2")) == note
    await database.write(lambda conn: store.set_digest(conn, "g", "card", "dd"))
    found = await database.read(lambda conn: store.get_posting(conn, "g", "card"))
    assert found is not None
    assert found.digest == "dd"
    await database.write(lambda conn: store.drop_posting(conn, "g", "card"))
    assert await database.read(lambda conn: store.get_posting(conn, "g", "card")) is None
