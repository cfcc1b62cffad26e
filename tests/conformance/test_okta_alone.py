"""What only Okta has: pages, rules, kinds of groups, states of people, logins that look alike."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from adapters.base import Order, Presence, RefusedError, UnreachableError
from adapters.okta import OktaAdapter, OktaSettings
from sandbox.providers._house import Storm
from sandbox.providers._okta_people import Rule
from tests.conformance.okta_ground import OktaGround


@pytest.fixture
async def ground() -> AsyncIterator[OktaGround]:
    async with OktaGround() as made:
        yield made


@pytest.fixture
async def adapter(ground: OktaGround) -> AsyncIterator[OktaAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


def called(order: Order, name: str) -> Order:
    return replace(order, person=replace(order.person, names={"okta": name}))


@pytest.mark.parametrize("status", ["SUSPENDED", "DEPROVISIONED", "STAGED"])
async def test_who_is_shut_out_gets_nothing(
    ground: OktaGround, adapter: OktaAdapter, status: str
) -> None:
    """Suspended, deactivated and not yet activated people are told so, and let in nowhere."""
    ground.users["dana"].status = status
    order = ground.order()
    said = await adapter.counterpart(order)
    assert said is not None
    assert "make the account active" in said
    with pytest.raises(RefusedError):
        await adapter.grant(order)
    assert await adapter.verify(order) is Presence.ABSENT


async def test_who_was_suspended_meanwhile_still_loses_it(
    ground: OktaGround, adapter: OktaAdapter
) -> None:
    """The end does not depend on the state of the account."""
    order = ground.order()
    await adapter.grant(order)
    ground.users["dana"].status = "SUSPENDED"
    await adapter.revoke(order)
    assert ground.users["dana"].id not in ground.groups[0].members


async def test_a_login_that_differs_by_an_accent_is_somebody_else(
    ground: OktaGround, adapter: OktaAdapter
) -> None:
    """Okta finds danä by dana; we do not let one in for the other."""
    ground.house.people.hire("bröck@example.com")
    said = await adapter.counterpart(called(ground.order(), "brock@example.com"))
    assert said is not None
    assert await adapter.counterpart(called(ground.order(), "BRÖCK@example.com")) is None


async def test_the_first_part_of_a_login_is_nobody(
    ground: OktaGround, adapter: OktaAdapter
) -> None:
    """Nothing is guessed from a part of a name, and the token's own person is not `me`."""
    for name in ("dana", "me", "..", ".", "*"):
        assert await adapter.counterpart(called(ground.order(), name)) is not None


async def test_an_id_and_an_email_name_a_person_too(
    ground: OktaGround, adapter: OktaAdapter
) -> None:
    """By id; by the e-mail of exactly one person; two with the same are told apart by nobody."""
    person = ground.house.people.hire("kim.o", email="kim@example.com")
    for name in (person.id, "kim@example.com", "KIM@example.com"):
        order = called(ground.order(), name)
        await adapter.grant(order)
        assert person.id in ground.groups[0].members
        await adapter.revoke(order)
        assert person.id not in ground.groups[0].members
    ground.house.people.hire("kim.p", email="kim@example.com")
    with pytest.raises(RefusedError, match="2 people"):
        await adapter.grant(called(ground.order(), "kim@example.com"))


async def test_a_renamed_person_is_remembered(ground: OktaGround, adapter: OktaAdapter) -> None:
    """A login that changes while access lasts does not keep the membership."""
    order = ground.order()
    await adapter.grant(order)
    ground.users["dana"].login = ground.users["dana"].email = "dana.new@example.com"
    assert await adapter.verify(order) is Presence.PRESENT
    await adapter.revoke(order)
    assert not ground.groups[0].members


async def test_a_login_taken_over_is_looked_up_anew(
    ground: OktaGround, adapter: OktaAdapter
) -> None:
    """When an account is deleted and made again, its old id is forgotten."""
    order = ground.order()
    await adapter.grant(order)
    old = ground.house.people.users.pop(ground.users["dana"].id)
    ground.groups[0].members.discard(old.id)
    new = ground.house.people.hire("dana@example.com")
    assert await adapter.verify(order) is Presence.ABSENT
    ground.groups[0].members.add(new.id)
    assert await adapter.verify(order) is Presence.PRESENT
    await adapter.revoke(order)
    assert new.id not in ground.groups[0].members


@pytest.mark.parametrize("kind", ["APP_GROUP", "BUILT_IN"])
async def test_groups_that_are_not_okta_s_to_change(
    ground: OktaGround, adapter: OktaAdapter, kind: str
) -> None:
    """Doctor names them, and a grant is refused."""
    group = ground.house.people.found("imported", kind=kind)
    (said,) = await adapter.probe([{"group": group.id}])
    assert kind in said
    with pytest.raises(RefusedError):
        await adapter.grant(replace(ground.order(), params={"group": group.id}))


async def test_what_is_missing_is_named(ground: OktaGround, adapter: OktaAdapter) -> None:
    """A right to read and a group that is not there have a sentence each."""
    (said,) = await adapter.probe([{"group": "00g00000000000000000"}])
    assert "no group 00g00000000000000000" in said
    ground.house.tokens.admins[f"SSWS {ground.token}"].permissions.discard("okta.users.read")
    (said,) = await adapter.probe()
    assert "okta.users.read" in said


async def test_the_groups_of_others_are_out_of_reach(
    ground: OktaGround, adapter: OktaAdapter
) -> None:
    """A group outside the resource set is refused by its absence, and named by doctor."""
    ground.house.tokens.admins[f"SSWS {ground.token}"].groups = {ground.groups[0].id}
    assert await adapter.probe([ground.block(0)]) == []
    assert len(await adapter.probe([ground.block(1)])) == 1
    with pytest.raises(RefusedError, match="no group"):
        await adapter.grant(ground.order(1))


async def test_a_rule_is_overruled(ground: OktaGround, adapter: OktaAdapter) -> None:
    """Whom a rule adds while access lasts is out at the end, and stays out."""
    order = ground.order()
    await adapter.grant(order)
    ground.groups[0].rule = Rule({ground.users["dana"].id})
    ground.house.people.run_rules()
    await adapter.revoke(order)
    ground.house.people.run_rules()
    assert await adapter.verify(order) is Presence.ABSENT


async def test_the_wait_is_the_provider_s(ground: OktaGround, adapter: OktaAdapter) -> None:
    """Too many calls: again when the limit is reset, by Okta's clock, wherever ours stands."""
    ground.house.moved = timedelta(hours=-7)
    async with ground.house.storm(Storm.CROWDED):
        with pytest.raises(UnreachableError) as caught:
            await adapter.grant(ground.order())
    assert caught.value.retry_after is not None
    assert 28 <= caught.value.retry_after <= 31


async def test_a_lost_answer_is_asked_for_again(ground: OktaGround, adapter: OktaAdapter) -> None:
    """What was done although the line was cut is found done."""
    order = ground.order()
    async with ground.house.storm(Storm.CUT):
        with pytest.raises(UnreachableError):
            await adapter.grant(order)
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT


async def test_no_more_calls_than_needed(ground: OktaGround, adapter: OktaAdapter) -> None:
    """A grant looks at the person and adds; afterwards the id is known."""
    calls = ground.house.calls
    order = ground.order()
    await adapter.grant(order)
    assert [call.method for call in calls] == ["GET", "PUT"]
    calls.clear()
    await adapter.revoke(order)
    assert [call.method for call in calls] == ["DELETE"]


async def test_an_application_renews_its_token() -> None:
    """A token that Okta takes no more is exchanged once; all who wait share the new one."""
    async with OktaGround(signed=True) as ground:
        adapter = ground.connect()
        await adapter.grant(ground.order())
        ground.house.tokens.forget_bearers()
        await adapter.grant(ground.order(1))
        ground.application.scopes.discard("okta.groups.manage")
        ground.house.tokens.forget_bearers()
        with pytest.raises(RefusedError, match="scopes are not configured"):
            await adapter.grant(ground.order(1))
        await adapter.aclose()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"url": "https://x.okta.com"}, "either token"),
        ({"url": "http://x.okta.com", "token": "t"}, "https:// only"),
        ({"url": "x.okta.com", "token": "t"}, "an address such as"),
        ({"url": "https://a:b@x.okta.com", "token": "t"}, "holds no login"),
        (
            {"url": "https://x.okta.com", "client": {"id": "0" * 20, "key_id": "k", "key": "no"}},
            "no private key in PEM form",
        ),
    ],
)
def test_settings_are_checked(block: dict[str, object], said: str) -> None:
    """What cannot work is said when the policy is read, without the secret."""
    with pytest.raises(ValidationError, match=said):
        OktaSettings.model_validate(block)
