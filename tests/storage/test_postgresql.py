"""PostgreSQL alone: conflicts, lost connections, hints, and a server that comes and goes."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import AwayError, OutcomeUnknownError
from bot.storage.postgresql import ATTEMPTS
from sandbox.postgres import EmbeddedPostgres
from tests.storage.samples import make_grant, put


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with await Database.open(postgres_url, exclusive=True) as opened:
        yield opened


async def resources(database: Database) -> list[str]:
    found = await database.read(lambda conn: store.list_grants(conn, limit=1000))
    return sorted(grant.resource for grant in found)


def failing(times: int, code: str) -> tuple[Callable[[Connection], int], list[int]]:
    """A function whose first runs fail with an error of the server's, after a write."""
    runs: list[int] = []

    def fn(conn: Connection) -> int:
        runs.append(1)
        put(make_grant(resource=f"run{len(runs)}"))(conn)
        if len(runs) <= times:
            conn.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$"))
        return len(runs)

    return fn, runs


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_conflict_costs_a_repeat(database: Database, code: str) -> None:
    """After a serialization failure or deadlock the whole function runs again, and counts once."""
    fn, runs = failing(2, code)
    await database.ping()  # connecting takes time, of which repeats have little
    assert await database.write(fn) == 3
    assert len(runs) == 3
    assert await resources(database) == ["run3"]


async def test_conflicts_without_end(database: Database) -> None:
    """Repeating is bounded: then the caller hears that nothing was written."""
    fn, runs = failing(99, "40001")
    with pytest.raises(AwayError, match="nothing was written"):
        await database.write(fn)
    assert len(runs) == ATTEMPTS
    assert await resources(database) == []


async def test_a_real_deadlock(database: Database) -> None:
    """Two transactions that lock the same two grants crosswise both get through."""
    one, two = make_grant(resource="one"), make_grant(resource="two")
    await database.write(put(one, two))
    arrived = asyncio.Barrier(2)
    loop = asyncio.get_running_loop()

    def crosswise(first: str, second: str) -> Callable[[Connection], None]:
        tries: list[int] = []

        def fn(conn: Connection) -> None:
            store.get_grant(conn, first, lock=True)
            tries.append(1)
            if len(tries) == 1:
                future = asyncio.ensure_future(arrived.wait(), loop=loop)
                while not future.done():
                    conn.execute(text("SELECT pg_sleep(0.005)"))
            store.get_grant(conn, second, lock=True)
            conn.execute(text("UPDATE grants SET attempts = attempts + 1"))

        return fn

    await asyncio.gather(
        database.write(crosswise(one.id, two.id)), database.write(crosswise(two.id, one.id))
    )
    found = await database.read(lambda conn: store.get_grants(conn, [one.id, two.id]))
    assert [grant.attempts for grant in found.values()] == [2, 2]


def cut(conn: Connection) -> None:
    """Ends this very connection from within."""
    conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_a_connection_lost_on_the_way_costs_a_repeat(database: Database) -> None:
    """A connection that dies before COMMIT is replaced, and the function counts once."""
    runs: list[int] = []

    def fn(conn: Connection) -> None:
        runs.append(1)
        put(make_grant(resource=f"run{len(runs)}"))(conn)
        if len(runs) == 1:
            cut(conn)

    await database.write(fn)
    assert await resources(database) == ["run2"]


async def test_a_connection_that_is_always_lost(database: Database) -> None:
    """When every attempt loses its connection the caller hears that nothing was written."""

    def fn(conn: Connection) -> None:
        put(make_grant())(conn)
        cut(conn)

    with pytest.raises(AwayError, match="nothing was written"):
        await database.write(fn)
    assert await resources(database) == []
    await database.ping()


class Wire:
    """A TCP proxy that breaks the connection at the first COMMIT after `armed` was set.

    With `pass_on` the server still gets it, and its answer is what is lost.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.armed = False
        self.pass_on = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._join(reader, writer)))

    async def _join(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        cut = asyncio.Event()
        answers = asyncio.create_task(self._answer(server, to_client, cut))
        while data := await client.read(65536):
            if self.armed and b"COMMIT\0" in data:  # and not READ COMMITTED
                self.armed = False
                cut.set()
                if self.pass_on:
                    to_server.write(data)
                    await answers  # the server has committed: this is its answer
                break
            to_server.write(data)
        to_server.close()
        await answers
        to_client.close()
        await asyncio.gather(
            to_server.wait_closed(), to_client.wait_closed(), return_exceptions=True
        )

    @staticmethod
    async def _answer(
        server: asyncio.StreamReader, to_client: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while data := await server.read(65536):
            if cut.is_set():
                return
            to_client.write(data)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_connection_lost_at_commit(postgres_url: str, *, committed: bool) -> None:
    """Cut at COMMIT, the caller hears that the outcome is unknown, and it is: nothing repeats."""
    url = make_url(postgres_url)
    wire = Wire(url.port or 0)
    wire.pass_on = committed
    port = await wire.start()
    through = url.set(port=port, query={"sslmode": "disable", "gssencmode": "disable"})
    runs: list[int] = []

    def fn(conn: Connection) -> None:
        runs.append(1)
        put(make_grant(resource="here"))(conn)

    async with await Database.open(through.render_as_string(hide_password=False)) as database:
        wire.armed = True
        with pytest.raises(OutcomeUnknownError):
            await database.write(fn)
        assert len(runs) == 1
        assert await resources(database) == (["here"] if committed else [])
    await wire.stop()


async def test_a_read_lost_at_its_commit_is_read_again(postgres_url: str) -> None:
    """What only read has no unknown outcome: cut at its COMMIT, it is asked once more."""
    url = make_url(postgres_url)
    wire = Wire(url.port or 0)
    port = await wire.start()
    through = url.set(port=port, query={"sslmode": "disable", "gssencmode": "disable"})
    async with await Database.open(through.render_as_string(hide_password=False)) as database:
        await database.write(put(make_grant(resource="here")))
        wire.armed = True
        found = await resources(database)
    await wire.stop()

    assert not wire.armed
    assert found == ["here"]


async def test_a_hint_reaches_the_others(database: Database, other: Database) -> None:
    """A hint arrives after its transaction committed, and not when it was taken back."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    other.on_hint(lambda: heard.put_nowait("hint"))

    def fail(conn: Connection) -> None:
        store.hint(conn)
        raise RuntimeError("taken back")

    with pytest.raises(RuntimeError):
        await database.write(fail)
    await database.write(store.hint)
    async with asyncio.timeout(10):
        await heard.get()
    assert heard.empty()


async def test_a_lost_listener_comes_back(
    database: Database, other: Database, postgres_url: str
) -> None:
    """The listening connection is made again after it was cut, lock and all, and calls at once."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    other.on_hint(lambda: heard.put_nowait("hint"))
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        cut_off = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE query LIKE '%%pg_advisory_lock%%' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert cut_off is not None
    assert cut_off[0] >= 2
    async with asyncio.timeout(10):
        await heard.get()  # something may have been missed: look
        await database.write(store.hint)
        await heard.get()
    assert await database.occupied()


@pytest.mark.parametrize("mode", ["immediate", "fast"])
async def test_a_restarted_server(
    database: Database, postgres_server: EmbeddedPostgres, mode: str
) -> None:
    """After a restart or crash of the server the next transactions succeed within 5 seconds."""
    await database.write(put(make_grant(resource="before")))
    await asyncio.gather(*(database.ping() for _ in range(8)))  # eight connections to lose
    await asyncio.to_thread(postgres_server.restart, mode)  # type: ignore[arg-type]  # a StopMode
    began = time.monotonic()
    await asyncio.gather(*(database.write(put(make_grant(resource=f"after{n}"))) for n in range(8)))
    assert time.monotonic() - began < 5
    assert len(await resources(database)) == 9


async def test_a_server_that_is_away(database: Database, postgres_server: EmbeddedPostgres) -> None:
    """While the server is away everything says so within seconds; then all goes on."""
    await asyncio.to_thread(postgres_server.stop, "immediate")
    try:
        began = time.monotonic()
        for attempt in (database.ping(), database.write(put(make_grant()))):
            with pytest.raises(AwayError, match="does not answer"):
                await attempt
        assert time.monotonic() - began < 8
    finally:
        await asyncio.to_thread(postgres_server.restart, "immediate")
    await database.write(put(make_grant(resource="after")))
    assert await resources(database) == ["after"]


async def test_more_at_once_than_connections(database: Database) -> None:
    """A hundred transactions at once wait for their turn on the pool, and all get through."""
    await asyncio.gather(*(database.write(put(make_grant(resource=f"r{n}"))) for n in range(100)))
    assert len(await resources(database)) == 100


async def test_connections_are_few_and_named(database: Database, postgres_url: str) -> None:
    """A replica takes at most eight connections and one to listen, recognisable by name."""
    await asyncio.gather(*(database.ping() for _ in range(50)))
    with psycopg.connect(postgres_url) as admin:
        count = admin.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'curfew' AND datname = current_database()"
        ).fetchone()
    assert count is not None
    assert count[0] <= 9


async def test_options_of_the_url_win(postgres_url: str) -> None:
    """What the operator wrote into the URL stands, beside what Curfew needs."""
    url = make_url(postgres_url).set(
        query={"application_name": "mine", "options": "-c lock_timeout=1234"}
    )
    async with await Database.open(url.render_as_string(hide_password=False)) as database:

        def ask(conn: Connection) -> list[object]:
            names = ("application_name", "lock_timeout", "TimeZone", "statement_timeout")
            return [conn.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

        assert await database.read(ask) == ["mine", "1234ms", "UTC", "30s"]


async def test_a_port_where_nobody_answers() -> None:
    """A server that takes the connection and says nothing is given up after a few seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(AwayError, match="does not answer"):
            await Database.open(f"postgresql://u:p@127.0.0.1:{port}/d?connect_timeout=2")
        assert time.monotonic() - began < 9
