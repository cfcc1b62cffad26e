"""The aws_identity_center adapter keeps every promise of the contract, in both its forms."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.aws.account import Account
from tests.conformance.aws_identity_center_ground import CentreGround


@pytest.fixture
async def ground(aws: Account, request: pytest.FixtureRequest) -> AsyncIterator[CentreGround]:
    made = CentreGround(aws, end_sessions=request.cls.end_sessions)
    await made.prepared()
    yield made
    await made.clear()
    await aws.well()


class TestAssignments(Conformance):
    end_sessions = False


class TestAssignmentsWhoseSessionsEnd(Conformance):
    end_sessions = True
