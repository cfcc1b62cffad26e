"""The postgres adapter keeps every promise of the contract, on each server that is to be had."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from sandbox.postgres import EmbeddedPostgres
from tests.conformance.postgres_ground import PostgresGround


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
