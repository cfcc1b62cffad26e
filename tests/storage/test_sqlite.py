"""SQLite alone: settings, the shared commit, and what a crash leaves."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from bot.storage import store
from bot.storage.database import Database, parse_url
from bot.storage.errors import AwayError, OccupiedError, UnusableError
from bot.storage.sqlite import writing_engine
from bot.storage.writer import BATCH, Writer
from tests.storage.samples import make_grant, put


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    async with await Database.open(sqlite_url, exclusive=True) as opened:
        yield opened


@pytest.fixture
def path(sqlite_url: str) -> Path:
    return Path(parse_url(sqlite_url).database or "")


async def settings_of(run: Callable[[Callable[[Connection], object]], object]) -> object:
    names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "query_only")

    def ask(conn: Connection) -> dict[str, object]:
        return {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    return await run(ask)  # type: ignore[misc]  # an awaitable


async def test_settings(database: Database) -> None:
    """Both kinds of connection carry the settings that durability and safety rest on."""
    common = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    assert await settings_of(database.write) == {**common, "query_only": 0}
    assert await settings_of(database.read) == {**common, "query_only": 1}


async def held_up(database: Database, *fns: Callable[[Connection], object]) -> list[object]:
    """Queues functions behind a busy writer, so that they share a transaction."""
    busy, go = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        busy.set()
        go.wait()

    holding = asyncio.ensure_future(database.write(hold))
    await asyncio.to_thread(busy.wait)
    waiting = [asyncio.ensure_future(database.write(fn)) for fn in fns]
    await asyncio.sleep(0)
    go.set()
    await holding
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_what_waits_shares_a_commit(path: Path) -> None:
    """Functions queued behind a slow one are committed together, 200 at most."""
    engine = writing_engine(path)
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))
    writer = Writer(engine)
    go = threading.Event()
    first = writer.submit(lambda _: go.wait())
    many = [writer.submit(put(make_grant(resource=f"r{n}"))) for n in range(BATCH + 50)]
    go.set()
    for future in (first, *many):
        future.result(timeout=20)
    writer.close()
    engine.dispose()
    assert 2 <= len(commits) <= 3
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(*) FROM grants").fetchone() == (BATCH + 50,)


def test_a_function_that_is_no_longer_wanted(path: Path) -> None:
    """A function cancelled before its turn is left out."""
    engine = writing_engine(path)
    writer = Writer(engine)
    go = threading.Event()
    first = writer.submit(lambda _: go.wait())
    second = writer.submit(put(make_grant()))
    assert second.cancel()
    go.set()
    first.result(timeout=20)
    writer.close()
    engine.dispose()
    with pytest.raises(UnusableError, match="closed"):
        writer.submit(put(make_grant()))
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(*) FROM grants").fetchone() == (0,)


async def test_one_raises_the_others_stay(database: Database) -> None:
    """In a shared transaction a function that raises takes back its own work alone."""

    def fail(conn: Connection) -> None:
        store.insert_grant(conn, make_grant(resource="bad"))
        raise RuntimeError("no")

    results = await held_up(
        database, put(make_grant(resource="a")), fail, put(make_grant(resource="b"))
    )
    assert [type(result) for result in results] == [type(None), RuntimeError, type(None)]
    names = [g.resource for g in await database.read(store.list_grants)]
    assert sorted(names) == ["a", "b"]


async def test_a_commit_that_fails_is_told_to_its_cause_alone(database: Database) -> None:
    """A function that makes the shared COMMIT impossible fails; its neighbours are written."""

    def spoil(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        store.add_sessions(conn, "nobody", {"s": make_grant().created_at})

    results = await held_up(
        database, put(make_grant(resource="a")), spoil, put(make_grant(resource="b"))
    )
    assert [type(result) for result in results] == [type(None), AwayError, type(None)]
    found = await database.read(store.list_grants)
    assert sorted(grant.resource for grant in found) == ["a", "b"]


async def test_a_full_disk(database: Database) -> None:
    """On a full disk its cause hears so, the small one beside it is written, and room heals it."""

    def limit(conn: Connection, pages: int) -> None:
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def pages(conn: Connection) -> int:
        return int(conn.exec_driver_sql("PRAGMA page_count").scalar() or 0)

    used = await database.write(pages)
    await database.write(lambda conn: limit(conn, used + 8))
    big = make_grant(resource="big", reason="x" * 400_000)
    results = await held_up(database, put(make_grant(resource="a")), put(big))
    assert results[0] is None
    assert isinstance(results[1], AwayError)
    assert "disk is full" in str(results[1])
    with pytest.raises(AwayError, match="disk is full"):
        await database.write(put(big))
    await database.write(lambda conn: limit(conn, 1_000_000))
    await database.write(put(big))
    found = await database.read(store.list_grants)
    assert sorted(grant.resource for grant in found) == ["a", "big"]


async def test_locked_by_another_program(database: Database, path: Path) -> None:
    """Who finds the file locked waits, then hears so; when the lock is gone all is well."""
    await database.write(lambda conn: conn.exec_driver_sql("PRAGMA busy_timeout=50"))
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(AwayError, match="locked"):
            await database.write(put(make_grant()))
        await database.ping()  # readers do not wait for a writer
        intruder.execute("ROLLBACK")
    await database.write(put(make_grant()))


async def test_a_command_writes_beside_the_bot(database: Database, sqlite_url: str) -> None:
    """`revoke` hands over through the file while the bot has it: both write, nothing is lost."""
    async with await Database.open(sqlite_url) as command:
        assert await command.occupied()
        assert not await database.occupied()
        await asyncio.gather(
            *(
                base.write(put(make_grant(resource=f"{base.replica}-{n}")))
                for base in (database, command)
                for n in range(20)
            )
        )
    found = await database.read(lambda conn: store.list_grants(conn, limit=100))
    assert len(found) == 40


async def test_a_second_bot_is_refused(database: Database, sqlite_url: str) -> None:
    """One bot a file: the second one is told which process has it, until that one is gone."""
    with pytest.raises(OccupiedError, match=f"process {os.getpid()} ") as caught:
        await Database.open(sqlite_url, exclusive=True)
    assert "PostgreSQL" in caught.value.hint
    await database.close()
    async with await Database.open(sqlite_url, exclusive=True) as second:
        assert not await second.occupied()


async def test_not_a_database(tmp_path: Path) -> None:
    """A file of something else is refused and left as it was."""
    path = tmp_path / "notes.db"
    path.write_text("not a database, but a longer text than a header is\n" * 90)
    before = path.read_bytes()
    for migrate in (False, True):
        with pytest.raises(UnusableError, match="not an SQLite database"):
            await Database.open(f"sqlite:///{path}", migrate=migrate)
    assert path.read_bytes() == before


async def test_a_constraint_broken_alone_is_itself(database: Database) -> None:
    """A lone function whose statement breaks a rule raises exactly that."""
    with pytest.raises(IntegrityError):
        await database.write(
            lambda conn: conn.execute(text("INSERT INTO chain_head VALUES (1, 0, '')"))
        )


VICTIM = """
import asyncio, os, sys
sys.path.insert(0, {here!r})
from bot.storage.database import Database
from tests.storage.samples import make_grant, put

async def main():
    database = await Database.open({url!r}, exclusive=True)
    async def write(number):
        await database.write(put(make_grant(resource=f"r{{number}}")))
        os.write(1, f"r{{number}}\\n".encode())
    def die(conn):
        put(make_grant(resource="dying"))(conn)
        os._exit(137)
    await asyncio.gather(*(write(n) for n in range(30)))
    if {dies!r}:
        await asyncio.gather(*(write(n) for n in range(30, 60)), database.write(die))
    number = 100
    while True:
        await asyncio.gather(*(write(number + n) for n in range(20)))
        number += 20

asyncio.run(main())
"""


def victim(url: str, *, dies: bool) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parents[2])
    code = VICTIM.format(here=here, url=url, dies=dies)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)  # noqa: S603 - our own text


async def left_behind(url: str, path: Path) -> set[str]:
    """What a restarted bot finds; the lock must be free and the file sound."""
    async with await Database.open(url, exclusive=True) as database:
        found = await database.read(lambda conn: store.list_grants(conn, limit=100_000))
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return {grant.resource for grant in found}


async def test_killed_in_the_middle_of_a_batch(sqlite_url: str, path: Path) -> None:
    """Dying inside a shared transaction loses nothing that was acknowledged and keeps no half."""
    process = victim(sqlite_url, dies=True)
    said, _ = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 137
    acknowledged = set(said.decode().split())
    found = await left_behind(sqlite_url, path)
    assert {f"r{n}" for n in range(30)} <= acknowledged <= found
    assert "dying" not in found


async def test_killed_while_writing(sqlite_url: str, path: Path) -> None:
    """Whatever was acknowledged before kill -9 is there after it."""
    process = victim(sqlite_url, dies=False)
    assert process.stdout is not None
    acknowledged = set()
    for _ in range(300):
        acknowledged.add((await asyncio.to_thread(process.stdout.readline)).decode().strip())
    process.send_signal(signal.SIGKILL)
    rest, _ = await asyncio.to_thread(process.communicate, timeout=30)
    acknowledged |= set(rest.decode().split("\n")[:-1])
    found = await left_behind(sqlite_url, path)
    assert len(acknowledged) >= 300
    assert acknowledged <= found


async def test_what_comes_after_the_end_is_refused(sqlite_url: str) -> None:
    """A closed database opens nothing anew, and a read that was under way is finished first."""
    database = await Database.open(sqlite_url)
    reading = asyncio.create_task(database.read(store.head))
    await asyncio.sleep(0)
    await database.close()

    assert (await reading).seq == 0
    with pytest.raises(AwayError):
        await database.read(store.head)
