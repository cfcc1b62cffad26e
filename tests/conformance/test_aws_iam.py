"""The aws_iam adapter keeps every promise of the contract, in each form of its grant block."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.aws.account import Account
from tests.conformance.aws_iam_ground import IamGround


@pytest.fixture
async def ground(aws: Account, request: pytest.FixtureRequest) -> AsyncIterator[IamGround]:
    made = IamGround(aws, request.cls.form)
    await made.prepared()
    yield made
    await made.clear()
    await aws.well()


class TestPolicyOfAUser(Conformance):
    form = "user"


class TestPolicyOfARole(Conformance):
    form = "role"


class TestMembershipOfAGroup(Conformance):
    form = "group"
