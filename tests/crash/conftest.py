"""One protected database and one place that processes come from, for the whole folder."""

from collections.abc import Iterator
from multiprocessing.context import ForkServerContext

import pytest

from bot.demo.shop import Shop, open_shop
from tests.crash.stage import nursery


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real PostgreSQL with something worth protecting. It outlives every bot."""
    with open_shop(tmp_path_factory.mktemp("shop") / "postgres") as opened:
        yield opened


@pytest.fixture(scope="session")
def context() -> ForkServerContext:
    return nursery()
