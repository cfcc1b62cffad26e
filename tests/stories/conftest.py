"""A protected database for the whole folder, and a scene of its own for each story."""

import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bot.demo.shop import Shop, open_shop
from sandbox.postgres import EmbeddedPostgresError
from tests.stories.scene import Play, Scene, playing


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the machine that the tests run on are none of their business."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real PostgreSQL with something worth protecting; none is a failure in CI, else a skip."""
    try:
        with open_shop(tmp_path_factory.mktemp("shop") / "postgres") as opened:
            yield opened
    except EmbeddedPostgresError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL here: {error}")


@pytest.fixture
def play(request: pytest.FixtureRequest, tmp_path: Path, shop: Shop) -> Play:
    """Opens a scene: by Socket Mode on SQLite unless it is told otherwise."""

    def opened(
        road: str = "socket", database: str = "sqlite"
    ) -> AbstractAsyncContextManager[Scene]:
        url: str = request.getfixturevalue(f"{database}_url")
        return playing(road, url, tmp_path, shop)

    return opened
