"""The aws_secrets_manager adapter keeps every promise of the contract."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.aws.account import Account
from tests.conformance.aws_secrets_manager_ground import SecretsGround


@pytest.fixture
async def ground(aws: Account) -> AsyncIterator[SecretsGround]:
    made = SecretsGround(aws)
    await made.prepared()
    yield made
    await made.clear()
    await aws.well()


class TestCheckOut(Conformance):
    pass
