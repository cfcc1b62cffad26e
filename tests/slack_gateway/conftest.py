"""Each test has a workspace, a bot and a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.storage.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROADS = ("http", "socket")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the machine that the tests run on are none of their business."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest) -> str:
    """Once by signed HTTP, once by Socket Mode."""
    return str(request.param)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """SQLite: both databases are compared where the engine and the stories are tested."""
    async with await Database.open(sqlite_url, exclusive=True) as opened:
        yield opened
