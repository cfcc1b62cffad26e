"""What tests of more than one room need: real databases, fresh for each test.

`database_url` runs a test on SQLite and on PostgreSQL; `database` is that database, opened. A test
for one of them alone takes `sqlite_url` or `postgres_url`.
"""

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from bot.storage.database import Database, parse_url
from bot.storage.schema import upgrade
from sandbox.postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.ssh_host import Host, host

DATABASES = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the whole run. A missing one is a failure in CI and a skip elsewhere."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    try:
        server.start()
    except EmbeddedPostgresError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
    yield server
    server.remove()


def administer(server: EmbeddedPostgres, statement: sql.Composable) -> None:
    """Runs one statement as the superuser, outside any transaction."""
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute(statement)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with all tables and no rows."""
    name = f"template_{secrets.token_hex(4)}"
    administer(postgres_server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade(parse_url(postgres_server.dsn(db=name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables and no rows."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    path.touch(mode=0o600)
    upgrade(parse_url(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "curfew.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def empty_postgres_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without tables."""
    yield from _postgres_url(postgres_server, "template0")


@pytest.fixture
def postgres_url(postgres_server: EmbeddedPostgres, postgres_template: str) -> Iterator[str]:
    yield from _postgres_url(postgres_server, postgres_template)


def _postgres_url(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = sql.Identifier(f"test_{secrets.token_hex(6)}")
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template))
    administer(server, made)
    yield server.dsn(db=name.as_string().strip('"'))
    administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with all tables, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """That database, opened as a running bot would."""
    async with await Database.open(database_url, exclusive=True) as opened:
        yield opened


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """The same database, opened a second time: another replica, or on SQLite another command."""
    alone = database.kind == "sqlite"
    url = database.url.render_as_string(hide_password=False)
    async with await Database.open(url, exclusive=not alone) as opened:
        yield opened


@pytest.fixture(scope="session")
def ssh_host() -> Iterator[Host]:
    """One sshd for the whole run; whoever uses it wipes its state first."""
    with host() as made:
        yield made
