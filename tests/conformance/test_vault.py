"""The vault adapter keeps every promise of the contract, in all of its forms."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.conformance.vault_ground import VaultGround


@pytest.fixture
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[VaultGround]:
    async with VaultGround(request.cls.form, login=request.cls.login) as made:
        yield made


class TestTokens(Conformance):
    form, login = "token", "approle"


class TestDynamicCredentials(Conformance):
    form, login = "creds", "token"


class TestGroups(Conformance):
    form, login = "group", "token"


class TestLentSecrets(Conformance):
    form, login = "secret", "token"
