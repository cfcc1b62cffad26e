"""The postgres adapter keeps every promise of the contract, on each server that is to be had."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.conformance import Conformance
from sandbox.postgres import EmbeddedPostgres, debian_binaries, wheel_binaries
from tests.conformance.postgres_ground import PostgresGround, server


def servers() -> list[Path]:
    found = [wheel_binaries(18), debian_binaries(15)]
    return [binaries for binaries in found if binaries is not None]


@pytest.fixture(scope="module", params=servers(), ids=lambda path: f"pg-{path.parent.name}")
def postgres(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    with server(request.param) as made:
        yield made


@pytest.fixture
async def ground(
    postgres: EmbeddedPostgres, request: pytest.FixtureRequest
) -> AsyncIterator[PostgresGround]:
    made = PostgresGround(postgres, request.cls.login)
    yield made
    await made.clear()


class TestTemporaryLogins(Conformance):
    login = "temporary"


class TestExistingLogins(Conformance):
    login = "existing"
