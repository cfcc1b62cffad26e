"""The demo adapter keeps every promise of the contract, with logins of its own and shared."""

import pytest

from adapters.conformance import Conformance
from tests.conformance.demo_ground import DemoGround


class TestOwnLogins(Conformance):
    @pytest.fixture
    def ground(self) -> DemoGround:
        return DemoGround(shared=False)


class TestSharedAccess(Conformance):
    @pytest.fixture
    def ground(self) -> DemoGround:
        return DemoGround(shared=True)
