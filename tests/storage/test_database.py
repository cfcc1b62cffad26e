"""Transactions: whole or not at all, on both databases; and what is told when there is no door."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.domain.errors import ProgramError
from bot.storage import store
from bot.storage.database import Database, parse_url
from bot.storage.errors import DuplicateError, UnusableError
from sandbox.postgres import EmbeddedPostgres
from tests.storage.samples import NOON, insert_bulk, make_grant, put


async def count(database: Database) -> int:
    return await database.read(lambda conn: len(store.list_grants(conn, limit=1000)))


async def test_what_write_returned_is_there(database: Database, other: Database) -> None:
    """After `write` returned, every reader on every connection sees it."""
    for number in range(20):
        await database.write(put(make_grant(resource=f"r{number}")))
        assert await count(other) == number + 1


async def test_what_raises_is_taken_back(database: Database) -> None:
    """A function that raises leaves nothing, its caller gets the very exception."""
    error = RuntimeError("no")

    def fail(conn: Connection) -> None:
        store.insert_grant(conn, make_grant())
        raise error

    with pytest.raises(RuntimeError) as caught:
        await database.write(fail)
    assert caught.value is error
    assert await count(database) == 0


async def test_neighbours_do_not_suffer(database: Database) -> None:
    """Of many transactions at once, those that raise are gone and all the others are there."""
    twin = make_grant(resource="twin")

    await database.write(put(twin))
    bad = [database.write(put(make_grant(resource=f"bad{n}"), twin)) for n in range(30)]
    good = [database.write(put(make_grant(resource=f"good{n}"))) for n in range(30)]
    results = await asyncio.gather(*bad, *good, return_exceptions=True)
    assert all(isinstance(result, DuplicateError) for result in results[:30])
    assert results[30:] == [None] * 30
    assert await count(database) == 31


async def test_a_peek_leaves_transactions_alone(database: Database) -> None:
    """It sees what was written, and connections that it used take back a whole transaction."""
    await database.write(put(make_grant(resource="there")))

    def fail(conn: Connection) -> None:
        store.insert_grant(conn, make_grant())
        raise RuntimeError

    for _ in range(20):  # more than there are connections
        assert len(await database.peek(store.list_grants)) == 1
    failing = [database.write(fail) for _ in range(20)]
    results = await asyncio.gather(*failing, return_exceptions=True)
    assert {type(result) for result in results} == {RuntimeError}
    assert await count(database) == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    """`read` refuses to change anything."""
    with pytest.raises(ProgramError, match="tried to write"):
        await database.read(put(make_grant()))
    assert await count(database) == 0


async def test_a_reader_sees_one_state(database: Database) -> None:
    """What is committed while a reader reads is not seen by it, and by the next one."""
    started, written = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def look(conn: Connection) -> None:
        seen.append(len(store.list_grants(conn)))
        loop.call_soon_threadsafe(started.set)
        while not written.is_set():
            conn.execute(text("SELECT 1"))
        seen.append(len(store.list_grants(conn)))

    reading = asyncio.create_task(database.read(look))
    await started.wait()
    await database.write(put(make_grant()))
    written.set()
    await reading
    assert seen == [0, 0]
    assert await count(database) == 1


async def test_a_bug_of_ours_stays_itself(database: Database) -> None:
    """A broken constraint and wrong SQL are no weather: they rise as what they are."""
    broken = text("INSERT INTO chain_head (id, seq, hash) VALUES (2, 0, '')")
    with pytest.raises(IntegrityError):
        await database.write(lambda conn: conn.execute(broken))
    secret = make_grant(id="0" * 12, reason="hunter2")
    await database.write(put(secret))
    with pytest.raises(IntegrityError) as caught:
        await database.write(lambda conn: insert_bulk(conn, [secret]))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(DBAPIError, match="nowhere"):
        await database.write(lambda conn: conn.execute(text("SELECT 1 FROM nowhere")))


async def test_a_write_that_nobody_waits_for(database: Database) -> None:
    """Giving up the wait may leave the transaction done or not, never the database stuck."""
    waiting = [
        asyncio.ensure_future(database.write(put(make_grant(resource=f"r{n}")))) for n in "ab"
    ]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await database.write(put(make_grant(resource="after")))
    assert await count(database) in {1, 2, 3}


async def test_closing_twice_and_using_it_after(database_url: str) -> None:
    """Closing is harmless to repeat; SQLite's pending writes are finished first."""
    database = await Database.open(database_url, exclusive=True)
    pending = [
        asyncio.ensure_future(database.write(put(make_grant(resource=f"r{n}")))) for n in range(9)
    ]
    await asyncio.gather(*pending)
    await database.close()
    await database.close()
    async with await Database.open(database_url, exclusive=True) as again:
        assert await count(again) == 9


async def test_ping(database: Database) -> None:
    """A database that is there answers."""
    await database.ping()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hunter2@h/d", "not 'mysql'"),
        ("hunter2", "not a database URL"),
        ("sqlite://", "in a file"),
        ("sqlite:///:memory:", "in a file"),
        ("sqlite:///x.db?mode=ro", "in a file"),
    ],
)
def test_a_wrong_url(url: str, said: str) -> None:
    """Each wrong DATABASE_URL gets a sentence and an example, and is not repeated."""
    with pytest.raises(UnusableError, match=said) as caught:
        parse_url(url)
    assert "sqlite+aiosqlite:///" in caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///a.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////var/a.db", "sqlite+aiosqlite"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg"),
    ],
)
def test_right_urls(url: str, driver: str) -> None:
    """The plain forms mean the drivers that Curfew uses."""
    assert parse_url(url).drivername == driver


async def test_no_file_yet(tmp_path: Path) -> None:
    """A command that only looks makes no empty database; `migrate` makes a private one."""
    path = tmp_path / "new.db"
    with pytest.raises(UnusableError, match="There is no database") as caught:
        await Database.open(f"sqlite:///{path}")
    assert "curfew db upgrade" in caught.value.hint
    assert not path.exists()
    async with await Database.open(f"sqlite:///{path}", migrate=True) as database:
        await database.write(put(make_grant()))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_no_such_database(postgres_server: EmbeddedPostgres) -> None:
    """The database's absence, a wrong password and a dead port are told apart, with no secret."""
    wrong = "hunter2wrong"
    cases = {
        postgres_server.dsn(db="nowhere"): "does not exist",
        postgres_server.dsn(password=wrong): "refuses the password",
        f"postgresql://u:{wrong}@127.0.0.1:1/d": "does not answer",
    }
    for url, said in cases.items():
        for migrate in (True, False):
            with pytest.raises(Exception, match=said) as caught:
                await Database.open(url, migrate=migrate)
            shown = f"{caught.value} {getattr(caught.value, 'hint', '')}"
            assert wrong not in shown
            assert postgres_server.password not in shown


async def test_a_name_in_the_url_cannot_break_out(postgres_server: EmbeddedPostgres) -> None:
    """A database name with quotes and spaces is one name."""
    name = "a \"b\" 'c' d"
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as conn:
        conn.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    url = postgres_server.dsn(db=name)
    async with await Database.open(url, exclusive=True, migrate=True) as database:
        await database.write(put(make_grant(created_at=NOON)))
        assert await count(database) == 1
