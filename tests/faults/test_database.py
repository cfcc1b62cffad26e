"""The bot's own database away, full, locked, or in conflict: politely refused, then caught up."""

import asyncio
import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Final

import pytest
from psycopg import sql
from sqlalchemy import Engine, event

from bot.domain.grant import State
from bot.storage.database import Database, parse_url
from bot.storage.schema import upgrade
from sandbox import text_of
from sandbox.postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.conftest import administer
from tests.engine.office import DANA, MAYA, MINUTE, Office, office
from tests.stories.scene import Play, Scene

CAUGHT_UP_WITHIN: Final = 8.0
"""Five seconds until the pool has found back, the worker's two, and room."""
LINE: Final = "/access prod-db-write 30m INC-1 fix the order"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL for the bot alone: it is stopped and started here."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("own"))
    try:
        server.start()
    except EmbeddedPostgresError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
    yield server
    server.remove()


@pytest.fixture
def own_url(own_server: EmbeddedPostgres) -> Iterator[str]:
    """A database in it, with all tables."""
    administer(own_server, sql.SQL("CREATE DATABASE own"))
    url = own_server.dsn(db="own")
    upgrade(parse_url(url))
    yield url
    administer(own_server, sql.SQL("DROP DATABASE own WITH (FORCE)"))


async def refused(scene: Scene) -> str:
    """What Dana is answered, now that nothing can be written."""
    return text_of(await scene.dana.command(LINE))


async def readiness(scene: Scene) -> tuple[bool, str]:
    ready, said = await scene.bot.web._routes.health.ready()
    return ready, str(said)


async def caught_up(scene: Scene) -> float:
    """Seconds until the only grant is proven gone."""
    began = time.monotonic()
    await scene.reaches(await scene.only(), State.ENDED)
    return time.monotonic() - began


async def test_a_database_that_is_away_for_five_minutes(
    play: Play, own_server: EmbeddedPostgres, own_url: str
) -> None:
    """Row 15: refused politely, unready, ended by the provider itself; caught up at the return."""
    assert own_url
    async with play("socket", "own") as scene:
        await scene.active()
        login = await scene.logged_in()
        await asyncio.to_thread(own_server.stop, "immediate")
        said = await refused(scene)
        ready, why = await readiness(scene)

        assert "The database is away, nothing was changed." in said
        assert not ready
        assert "The database does not answer" in why

        await scene.pass_time(35 * MINUTE)
        await asyncio.to_thread(own_server.start)

        assert await caught_up(scene) < CAUGHT_UP_WITHIN
        assert await login.is_cut()
        assert (await readiness(scene))[0]
        assert "Asked for" in text_of(await scene.dana.command(LINE))

        await scene.dana.command("/access revoke prod-db-write")


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Another process holds the file's lock: a program that was forgotten in a transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        yield
        intruder.execute("ROLLBACK")


TROUBLES: Final = {
    "read-only": ("PRAGMA query_only=ON", "PRAGMA query_only=OFF", {State.ACTIVE}),
    # What changes a row may still fit where the row was.
    "full": (
        "PRAGMA max_page_count=1",
        "PRAGMA max_page_count=1073741823",
        {State.ACTIVE, State.REVOKING, State.ENDED},
    ),
}


def _tell(database: Database, setting: str) -> None:
    """On the connection that writes: with the file read-only it begins no transaction any more."""
    engine: Engine = database._backend._writing  # type: ignore[attr-defined] # SQLite's
    driver = engine.raw_connection().driver_connection
    assert driver is not None
    driver.execute(setting).close()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_file_that_takes_no_writes(play: Play, trouble: str) -> None:
    """Row 18: disk full or read-only: refused with a sentence, unready, caught up, undamaged."""
    spoil, heal, states = TROUBLES[trouble]
    async with play() as scene:
        await scene.active()
        login = await scene.logged_in()
        _tell(scene.database, spoil)
        said = await refused(scene)
        ready, why = await readiness(scene)

        assert "nothing was changed" in said
        assert not ready, why

        await scene.pass_time(31 * MINUTE)
        await asyncio.sleep(1.2)  # more than a tick: it is tried

        assert (await scene.only()).state in states

        _tell(scene.database, heal)

        assert await caught_up(scene) < CAUGHT_UP_WITHIN
        assert await login.is_cut()
        assert await _undamaged(scene.database)


async def test_a_file_that_another_process_locks(play: Play) -> None:
    """Row 18: three seconds are waited for; what was asked meanwhile is answered, and done."""
    async with play() as scene:
        await scene.active()
        path = str(scene.database.url.database)
        with _locked(path):
            await scene.pass_time(31 * MINUTE)
            asking = asyncio.create_task(scene.dana.command("/access mine"))

            assert "prod-db" in text_of(await asking)  # who reads does not wait

            await asyncio.sleep(3.0)  # the lock is another program's: it knows no clock of ours

            assert (await scene.only()).state is State.ACTIVE

        assert await caught_up(scene) < CAUGHT_UP_WITHIN
        assert await _undamaged(scene.database)


async def _undamaged(database: Database) -> bool:
    said = await database.read(
        lambda conn: conn.exec_driver_sql("PRAGMA integrity_check").scalar_one()
    )
    return said == "ok"


# --- the n-th statement -----------------------------------------------------------------------

RAISE: Final = "DO $$ BEGIN RAISE EXCEPTION 'on order' USING ERRCODE = '{}'; END $$"
BREAKS: Final = (
    RAISE.format("40001"),  # serialisation failure
    RAISE.format("40P01"),  # deadlock
    "SELECT pg_terminate_backend(pg_backend_pid())",
)

THIRDS: Final = 3
TURN: Final = datetime.now(UTC).toordinal() % THIRDS
"""Each third statement, another third every day: a life has two hundred."""


class Nth:
    """Breaks the n-th statement from now on, by the server itself."""

    def __init__(self, engine: Engine) -> None:
        self._how = ""
        self.left = 0
        self.taken: list[str] = []
        event.listen(engine, "do_execute", self._on_execute)

    def arm(self, number: int, how: str) -> None:
        self.left, self._how = number, how

    def _on_execute(self, cursor: object, statement: str, *_rest: object) -> None:
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.taken.append(statement)
                cursor.execute(self._how)  # type: ignore[attr-defined] # the driver's own


async def _live(here: Office) -> None:
    """One grant from the asking to the end, with an extension."""
    grant = await here.ask(duration=10 * MINUTE)
    service = here.engine.service
    await service.vote(MAYA, grant.id)
    await here.until(grant.id, State.ACTIVE)
    await service.extend(DANA, grant.id, 5 * MINUTE, reason="not done yet")
    await service.vote_extension(MAYA, grant.id, 1)
    while (await here.grant(grant.id)).extension is not None:  # noqa: ASYNC110 - rows ring no bell
        await asyncio.sleep(0.005)
    await service.revoke(DANA, grant.id)
    await here.until(grant.id, State.ENDED)
    kinds = await here.kinds(grant.id)

    assert len(kinds) == len(set(kinds)), kinds
    assert grant.id not in str(here.world.access)


@pytest.mark.timeout(240)
async def test_the_nth_statement_fails(postgres_url: str) -> None:
    """Row 17: whichever statement fails, the whole transaction is tried again, and counts once."""
    async with (
        await Database.open(postgres_url, exclusive=True) as database,
        office(database, provider="nth") as here,
    ):
        hows = itertools.cycle(BREAKS)
        nth = Nth(database._backend._engine.sync_engine)  # type: ignore[attr-defined] # PostgreSQL's
        for number in itertools.count(1 + TURN, THIRDS):
            nth.arm(number, next(hows))
            await _live(here)
            if nth.left:
                break
        nth.left = 0

        assert number > 100
        assert {statement.split()[0] for statement in nth.taken} >= {"SELECT", "WITH", "UPDATE"}
