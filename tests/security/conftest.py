"""One protected database for the folder, and for each test a bot of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

import psycopg
import pytest
from psycopg import sql

from bot.demo.shop import DATABASE, Shop, open_shop
from bot.slack.pace import Pace
from sandbox.postgres import EmbeddedPostgresError
from tests.security.house import POLICY, House, house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


class Build(Protocol):
    """Starts a bot that lives as long as the test."""

    async def __call__(self, *, road: str = "http", policy: str = POLICY) -> House: ...


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the machine that the tests run on are none of their business."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message a second is for the real Slack."""
    defaults = {**(Pace.__init__.__kwdefaults__ or {}), "rate": 500.0, "burst": 500.0}
    monkeypatch.setattr(Pace.__init__, "__kwdefaults__", defaults)


@pytest.fixture(scope="session")
def whole_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real PostgreSQL with something worth protecting. A skip where there is none."""
    try:
        with open_shop(tmp_path_factory.mktemp("shop") / "postgres") as opened:
            yield opened
    except EmbeddedPostgresError as error:
        pytest.skip(f"no PostgreSQL here: {error}")


@pytest.fixture
def shop(whole_shop: Shop) -> Iterator[Shop]:
    """The same, without logins that another test left."""
    yield whole_shop
    with psycopg.connect(whole_shop.admin_dsn, autocommit=True) as admin:
        left = admin.execute(
            r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'curfew\_%'"
            " AND rolname <> current_user"
        ).fetchall()
        for (name,) in left:
            role = sql.Identifier(str(name))
            admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name]
            )
    if left:
        with psycopg.connect(whole_shop.admin_dsn, dbname=DATABASE, autocommit=True) as admin:
            for (name,) in left:
                role = sql.Identifier(str(name))
                mine = sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
                admin.execute(mine.format(role))
                admin.execute(sql.SQL("DROP OWNED BY {}").format(role))
                admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
async def build(shop: Shop, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Build]:
    """On SQLite, unless a test says otherwise by `database_url`."""
    async with AsyncExitStack() as stack:

        async def made(*, road: str = "http", policy: str = POLICY) -> House:
            return await stack.enter_async_context(
                house(shop, sqlite_url, tmp_path, road=road, policy=policy)
            )

        yield made


@pytest.fixture
async def here(build: Build) -> House:
    """A bot behind signed HTTP, with the policy of `tests.security.house`."""
    return await build()


@pytest.fixture
async def on_each(shop: Shop, database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """The same, once with each kind of database of its own."""
    async with house(shop, database_url, tmp_path) as built:
        yield built
