"""The aws_sts adapter keeps every promise of the contract, in both forms of its grant block."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.aws.account import Account
from tests.conformance.aws_sts_ground import StsGround


@pytest.fixture
async def ground(aws: Account, request: pytest.FixtureRequest) -> AsyncIterator[StsGround]:
    made = StsGround(aws, request.cls.form)
    await made.prepared()
    yield made
    await made.clear()
    await aws.well()


class TestSessionsByStatements(Conformance):
    form = "allow"


class TestSessionsByManagedPolicies(Conformance):
    form = "policies"
