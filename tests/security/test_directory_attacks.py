"""Names that are looked up in a directory: letters of a name, never signs of a filter."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from sandbox import text_of
from tests.conformance import ldap_ground
from tests.conformance.ldap_ground import LdapGround
from tests.stories.every_adapter import Subject
from tests.stories.scene import playing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.demo.shop import Shop
    from tests.conformance.slapd import Slapd

HOSTILE = ("*", "e*", "eli)(objectClass=*", "*)(|(cn=*", "eli\\2a", "cn=eli,ou=people")


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    """A real directory; none is a failure in CI and a skip elsewhere."""
    try:
        with ldap_ground.furnished() as made:
            yield made
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", HOSTILE)
async def test_18_a_name_is_no_filter(
    slapd: Slapd, shop: Shop, sqlite_url: str, tmp_path: Path, name: str
) -> None:
    """Who is called like a filter is nobody and is told so; the directory is unchanged."""
    ground = LdapGround(slapd)
    plain = ground.settings().model_dump(mode="json", exclude={"password"}, exclude_none=True)
    provider = {"adapter": "ldap", **plain, "password": "${TARGET_PASSWORD}"}
    subject = Subject(ground, provider, {"TARGET_PASSWORD": ldap_ground.ADMIN_PASSWORD})
    policy = yaml.safe_load(subject.policy)
    policy["people"] = {"dana@example.com": {"ldap": name}}
    before = await ground.inventory()
    async with playing(
        "http", sqlite_url, tmp_path, shop, policy=yaml.safe_dump(policy), given=subject.given
    ) as scene:
        said = text_of(await scene.dana.command("/access target 30m fix the stuck order"))
        assert "Nobody below" in said
        assert await scene.grants() == []
    assert await ground.inventory() == before


async def test_18_a_name_with_commas_is_one_name(slapd: Slapd) -> None:
    """An entry whose name looks like a path gets its own membership, not another one's."""
    ground = LdapGround(slapd)
    before = await ground.inventory()
    order = await ground.hostile("eli,ou=people,dc=example,dc=com")
    adapter = ground.connect()
    await adapter.grant(order)
    eli = replace(order, person=ground.person("eli"), grant_id="0" * 12)
    assert await ground.admits(eli, None) is False
    await adapter.revoke(order)
    await adapter.aclose()
    await ground.clear()
    assert await ground.inventory() == before
