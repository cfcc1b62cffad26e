"""The ldap adapter keeps every promise of the contract, on slapd, for each form of group."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.conformance.ldap_ground import LdapGround
from tests.conformance.slapd import Slapd


@pytest.fixture
async def ground(slapd: Slapd, request: pytest.FixtureRequest) -> AsyncIterator[LdapGround]:
    made = LdapGround(slapd, request.cls.form)
    yield made
    await made.clear()


class TestGroupsOfNames(Conformance):
    form = "groupOfNames"


class TestPosixGroups(Conformance):
    form = "posixGroup"


class TestGroupsOfActiveDirectory(Conformance):
    """Its class of group and its marks, on slapd: not its server's own rules."""

    form = "active_directory"
