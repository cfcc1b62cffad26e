"""The kubernetes adapter keeps every promise of the contract, in both of its forms."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.conformance.kubernetes_ground import KubernetesGround


class TestServiceAccounts(Conformance):
    @pytest.fixture
    async def ground(self) -> AsyncIterator[KubernetesGround]:
        async with KubernetesGround("temporary") as made:
            yield made


class TestOwnIdentities(Conformance):
    @pytest.fixture
    async def ground(self) -> AsyncIterator[KubernetesGround]:
        async with KubernetesGround("existing") as made:
            yield made
