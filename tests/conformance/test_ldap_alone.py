"""What only LDAP has: persons that change, groups that cannot be empty, marks, ways of TLS."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE
from pydantic import ValidationError

from adapters.base import Order, Person, Presence, RefusedError
from adapters.ldap import LdapAdapter, LdapParams, LdapSettings
from tests.conformance.certificates import Authority
from tests.conformance.ldap_ground import ADMIN, ADMIN_PASSWORD, PEOPLE, LdapGround, person
from tests.conformance.slapd import SUFFIX, Slapd

DBA = f"cn=dba,ou=groups,{SUFFIX}"
NOBODY = f"cn=nobody,ou=services,{SUFFIX}"


@pytest.fixture
async def ground(slapd: Slapd) -> AsyncIterator[LdapGround]:
    made = LdapGround(slapd)
    before = await made.inventory()
    yield made
    await made.clear()
    assert await made.inventory() == before


@pytest.fixture
async def adapter(ground: LdapGround) -> AsyncIterator[LdapAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


def temp(ground: LdapGround, name: str, **values: str) -> str:
    """A person for one test."""
    place = person(ground.server, name, **values)
    ground.made.append(place)
    return place


def ordered(ground: LdapGround, name: str) -> Order:
    someone = Person(user="U1", email=f"{name}@example.com", names={"ldap": name})
    return ground.order(person=someone)


async def members(ground: LdapGround) -> set[str]:
    found = dict(await asyncio.to_thread(ground.server.everything))[DBA]
    return {value.decode() for value in found["member"]}


@pytest.mark.parametrize("change", ["renamed", "deleted", "changed"])
async def test_who_changed_meanwhile_is_found(ground: LdapGround, change: str) -> None:
    """A person who cannot be looked up any more loses the access all the same."""
    place = temp(ground, "fay", mail="fay@example.com")
    mailed = LdapAdapter("corp", ground.settings(people={"base": f"ou=people,{SUFFIX}"}))
    order = replace(ground.order(), person=Person("U1", email="fay@example.com"))
    await mailed.grant(order)
    assert place in await members(ground)
    if change == "changed":
        ground.server.change(place, MODIFY_REPLACE, "mail", "other@example.com")
    elif change == "deleted":
        ground.server.remove(place)
        ground.made.remove(place)
    else:
        with ground.server.root() as root:
            root.modify_dn(place, "cn=fay2")
        ground.made[:] = [f"cn=fay2,ou=people,{SUFFIX}"]
    assert await mailed.verify(order) is Presence.PRESENT
    await mailed.revoke(order)
    assert await members(ground) == {NOBODY}
    assert await mailed.verify(order) is Presence.ABSENT
    await mailed.aclose()


async def test_a_group_that_was_renamed_is_found(ground: LdapGround, adapter: LdapAdapter) -> None:
    """The access is in the group, whatever it is called by now; a deleted group gives none."""
    order = ground.order()
    place = f"cn=dana,ou=people,{SUFFIX}"
    await adapter.grant(order)
    with ground.server.root() as root:
        root.modify_dn(DBA, "cn=dba2", new_superior=f"ou=ad,{SUFFIX}")
    assert await adapter.verify(order) is Presence.PRESENT
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    with ground.server.root() as root:
        root.modify_dn(f"cn=dba2,ou=ad,{SUFFIX}", "cn=dba", new_superior=f"ou=groups,{SUFFIX}")
    assert await members(ground) == {NOBODY}
    ground.server.add(f"cn=brief,ou=groups,{SUFFIX}", ["groupOfNames"], cn="brief", member=NOBODY)
    brief = replace(order, params={"group": f"cn=brief,ou=groups,{SUFFIX}"})
    await adapter.grant(brief)
    ground.server.remove(f"cn=brief,ou=groups,{SUFFIX}")
    await adapter.revoke(brief)
    assert await adapter.verify(brief) is Presence.ABSENT
    assert place not in await members(ground)


async def test_a_group_that_cannot_be_seen_is_not_called_gone(ground: LdapGround) -> None:
    """Where the bot's account sees nothing at all, a human is told instead."""
    order = ground.order()
    adapter = ground.connect()
    await adapter.grant(order)
    text = ground.server.config.read_text()
    blind = f'access to * by dn.exact="{ADMIN}" none by * break\n'
    await asyncio.to_thread(
        ground.server.restart, text.replace("access to", f"{blind}access to", 1)
    )
    try:
        for call in (adapter.revoke, adapter.verify):
            with pytest.raises(RefusedError):
                await call(order)
    finally:
        await asyncio.to_thread(ground.server.restart, text)
    await adapter.revoke(order)
    await adapter.aclose()


async def test_what_others_gave_is_never_taken(ground: LdapGround, adapter: LdapAdapter) -> None:
    """A membership without our mark is neither given again nor taken away."""
    order = ground.order()
    await ground.hold(order)
    with pytest.raises(RefusedError, match="already, and not by us"):
        await adapter.grant(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PRESENT
    await ground.release(order)


async def test_the_last_member_leaves_a_placeholder(
    ground: LdapGround, adapter: LdapAdapter
) -> None:
    """Such a group cannot be empty: with a placeholder it goes on, without one a human is told."""
    order = ground.order()
    await adapter.grant(order)
    ground.server.change(DBA, MODIFY_DELETE, "member", NOBODY)
    bare = LdapAdapter("corp", ground.settings(placeholder=None))
    with pytest.raises(RefusedError, match=r"last member.*let placeholder name one"):
        await bare.revoke(order)
    assert await bare.verify(order) is Presence.PRESENT
    await adapter.revoke(order)
    assert await members(ground) == {NOBODY}
    assert await adapter.verify(order) is Presence.ABSENT
    await bare.aclose()


async def test_spellings_of_a_name_are_one_fact(ground: LdapGround, adapter: LdapAdapter) -> None:
    """Two resources that name one group in two ways are the same thing."""
    order = ground.order()
    other = replace(order, params={"group": f"CN=DBA, ou=groups,{SUFFIX}"})
    assert adapter.fact(order) == adapter.fact(other)
    await adapter.grant(order)
    assert await adapter.verify(replace(other, grant_id="0" * 12)) is Presence.PRESENT
    await adapter.revoke(order)


async def test_nobody_and_two_are_told(ground: LdapGround, adapter: LdapAdapter) -> None:
    """Signs of a filter are letters of a name; who is not one person is told so beforehand."""
    for name in ("*", "dana*", "x)(cn=dana", "nobody"):
        said = await adapter.counterpart(ordered(ground, name))
        assert said is not None
        assert f"has the cn {name}" in said
    for number in (1, 2):
        temp(ground, f"twin{number}", uid="gil")
    by_uid = {"base": f"ou=people,{SUFFIX}", "attribute": "uid"}
    twins = LdapAdapter("corp", ground.settings(people=by_uid))
    said = await twins.counterpart(ordered(ground, "gil"))
    assert said is not None
    assert "More than one" in said
    with pytest.raises(RefusedError, match="More than one"):
        await twins.grant(ordered(ground, "gil"))
    assert await twins.counterpart(ordered(ground, "dana")) is None
    only = {**by_uid, "filter": "(mail=*)"}
    filtered = LdapAdapter("corp", ground.settings(people=only))
    assert await filtered.counterpart(ordered(ground, "dana")) is not None
    for each in (twins, filtered):
        await each.aclose()


async def test_groups_that_cannot_be_used_are_named(
    ground: LdapGround, adapter: LdapAdapter
) -> None:
    """The probe tells an unknown group, another form and a missing right, each by itself."""
    assert await adapter.probe([ground.block(0)]) == []
    [said] = await adapter.probe([{"group": f"cn=typo,ou=groups,{SUFFIX}"}])
    assert "no group cn=typo" in said
    [said] = await adapter.probe([{"group": DBA, "form": "posixGroup"}])
    assert "is no posixGroup" in said
    powerless = ground.settings(bind_dn=f"cn=dana,ou=people,{SUFFIX}", password=PEOPLE["dana"])
    weak = LdapAdapter("corp", powerless)
    [said] = await weak.probe([ground.block(0)])
    assert "may not be changed" in said
    with pytest.raises(RefusedError):
        await weak.grant(ground.order(who="eli"))
    with pytest.raises(RefusedError, match="no group"):
        await adapter.grant(
            replace(ground.order(), params={"group": f"cn=typo,ou=groups,{SUFFIX}"})
        )
    nowhere = LdapAdapter("corp", ground.settings(people={"base": f"ou=none,{SUFFIX}"}))
    with pytest.raises(RefusedError, match="noSuchObject"):
        await nowhere.probe()
    for each in (weak, nowhere):
        await each.aclose()


async def test_starttls_is_as_good_as_ldaps(ground: LdapGround, tmp_path: Path) -> None:
    """Both check who the directory is; a certificate of somebody else is refused."""
    plain = ground.server.plain
    stranger = Authority.made(tmp_path / "stranger.pem")
    adapter = LdapAdapter("corp", ground.settings(url=plain, tls="starttls"))
    order = ground.order()
    await adapter.grant(order)
    assert await ground.admits(order, None)
    await adapter.revoke(order)
    await adapter.aclose()
    for way in ({"url": plain, "tls": "starttls"}, {}):
        deceived = LdapAdapter("corp", ground.settings(**way, ca=str(stranger.path)))
        with pytest.raises(RefusedError, match="certificate is not accepted"):
            await deceived.probe()
        await deceived.aclose()
    by_name = plain.replace("127.0.0.1", "localhost")
    renamed = LdapAdapter("corp", ground.settings(url=by_name, tls="starttls"))
    with pytest.raises(RefusedError, match="certificate is not accepted"):
        await renamed.probe()
    await renamed.aclose()


async def test_a_directory_without_tls_gets_no_password(ground: LdapGround) -> None:
    """StartTLS that is not offered is refused before the bind; `tls: off` is what it says."""
    server = ground.server
    text = server.config.read_text()
    without = "\n".join(line for line in text.split("\n") if not line.startswith("TLS"))
    await asyncio.to_thread(server.restart, without, secure=False)
    try:
        strict = LdapAdapter("corp", ground.settings(url=server.plain, tls="starttls"))
        with pytest.raises(RefusedError, match="offers no StartTLS"):
            await strict.probe()
        open_ = LdapAdapter("corp", ground.settings(url=server.plain, tls="off", ca=None))
        assert await open_.probe([ground.block(0)]) == []
        for each in (strict, open_):
            await each.aclose()
    finally:
        await asyncio.to_thread(server.restart, text)


async def test_a_login_is_what_a_posix_group_holds(ground: LdapGround) -> None:
    """The name that is looked up and the name in the group need not be the same."""
    temp(ground, "Hal Smith", uid="hsmith")
    posix = LdapGround(ground.server, "posixGroup")
    adapter = posix.connect()
    order = replace(posix.order(), person=ordered(ground, "Hal Smith").person)
    await adapter.grant(order)
    group = dict(await asyncio.to_thread(ground.server.everything))[str(order.params["group"])]
    assert group["memberUid"] == [b"hsmith"]
    await adapter.revoke(order)
    await adapter.aclose()


async def test_a_mark_without_its_member_is_completed(
    ground: LdapGround, adapter: LdapAdapter
) -> None:
    """Half of a grant is partial; granting puts it right, and revoking takes what is left."""
    order = ground.order()
    place = f"cn=dana,ou=people,{SUFFIX}"
    ground.server.change(DBA, MODIFY_ADD, "description", f"{order.mark} {place}")
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT
    await ground.take_away(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


def refused(model: type[LdapParams | LdapSettings], **values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return str(caught.value)


def test_blocks_that_cannot_be_meant_are_refused() -> None:
    """Each with a sentence that says what would be right; plain text has to be asked for."""
    whole = {"bind_dn": "cn=a", "password": ADMIN_PASSWORD, "people": {"base": "ou=b"}}
    said = refused(LdapSettings, url="ldap://h", **whole)
    assert "say tls: starttls, or tls: off" in said
    assert ADMIN_PASSWORD not in said
    assert "TLS already" in refused(LdapSettings, url="ldaps://h", tls="starttls", **whole)
    assert "of no use" in refused(LdapSettings, url="ldap://h", tls="off", ca="/x", **whole)
    for url in ("h", "http://h", "ldap://", "ldap://u@h", "ldap://h/dc=x", "ldap://h:99999"):
        assert "ldaps://host or ldap://host" in refused(LdapSettings, url=url, tls="off", **whole)
    assert "no distinguished name" in refused(LdapParams, group="dba")
    assert "only form: active_directory" in refused(LdapParams, group="cn=a", ttl=True)
