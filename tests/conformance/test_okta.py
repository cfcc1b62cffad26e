"""The okta adapter keeps every promise of the contract, with both ways to show who it is."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.conformance.okta_ground import OktaGround


class TestApiToken(Conformance):
    @pytest.fixture
    async def ground(self) -> AsyncIterator[OktaGround]:
        async with OktaGround() as made:
            yield made


class TestApplication(Conformance):
    @pytest.fixture
    async def ground(self) -> AsyncIterator[OktaGround]:
        async with OktaGround(signed=True) as made:
            yield made
