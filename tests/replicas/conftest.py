"""A PostgreSQL of this folder's own: it is crashed and restarted here."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from bot.storage.database import parse_url
from bot.storage.schema import upgrade
from sandbox.postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.conftest import administer
from tests.replicas.yard import Place, place


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A missing one is a failure in CI and a skip elsewhere."""
    made = EmbeddedPostgres(tmp_path_factory.mktemp("replicas"))
    try:
        made.start()
    except EmbeddedPostgresError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
    yield made
    made.remove()


@pytest.fixture
def url(server: EmbeddedPostgres) -> Iterator[str]:
    """A database with all tables and no rows."""
    administer(server, sql.SQL("CREATE DATABASE shared"))
    found = server.dsn(db="shared")
    upgrade(parse_url(found))
    yield found
    administer(server, sql.SQL("DROP DATABASE shared WITH (FORCE)"))


@pytest.fixture
async def empty(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Place]:
    """A place whose database has no tables before the first replica made them."""
    administer(server, sql.SQL("CREATE DATABASE bare"))
    async with place(server.dsn(db="bare"), tmp_path, made=False) as made:
        yield made
    administer(server, sql.SQL("DROP DATABASE bare WITH (FORCE)"))


@pytest.fixture
def faketime() -> dict[str, str]:
    """What a process needs in its environment for `FAKETIME` to count."""
    found = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
    if found is None:
        if os.environ.get("CI"):
            raise AssertionError("libfaketime is missing: apt-get install libfaketime")
        pytest.skip("no libfaketime here: apt-get install libfaketime")
    # Only the wall clock: a process whose steady clock jumps is another fault.
    return {"LD_PRELOAD": str(found), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.fixture
async def here(url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with place(url, tmp_path) as made:
        yield made
