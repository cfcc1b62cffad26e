"""What only Identity Center has: work that takes its time, fails, conflicts; sessions that last."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.aws.identity_center import IdentityCenterAdapter
from adapters.base import PendingError, Presence, RefusedError
from tests.aws.account import Account, actions_of, documented
from tests.conformance.aws_identity_center_ground import CentreGround

READING = {"Sid": "Reading", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}


@pytest.fixture
async def ground(aws: Account) -> AsyncIterator[CentreGround]:
    made = CentreGround(aws, end_sessions=True)
    await made.prepared()
    before = await made.inventory()
    yield made
    await made.clear()
    await aws.well()
    assert await made.inventory() == before


@pytest.fixture
async def adapter(ground: CentreGround) -> AsyncIterator[IdentityCenterAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


async def test_the_documented_rights_are_the_used_ones(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """What the page gives the bot is what a whole life uses: none less, none more."""
    ground.account.steer(forget=True)
    order = ground.order()
    assert await adapter.probe([ground.block()]) == []
    await adapter.counterpart(order)
    await adapter.grant(order)
    await adapter.revoke(order)
    assert set(ground.account.steer()["used"]) == actions_of(documented(ground.page))


async def test_a_permission_set_that_is_not_there_is_named(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """Doctor says which, with the way out."""
    arn = ground.instance.replace(":instance/", ":permissionSet/") + "/ps-0123456789abcdef"
    [said] = await adapter.probe([{**ground.block(), "permission_set": arn}])
    assert arn in said
    assert "name another" in said


async def test_what_takes_longer_than_a_call_is_pending_and_then_done(
    ground: CentreGround,
) -> None:
    """Each call says that it is taken on; a later one, of another program too, sees it through."""
    ground.account.steer(centre={"takes": 4.0})
    order = ground.order()
    first, second = ground.connect(call_limit=1.5), ground.connect(call_limit=1.5)
    with pytest.raises(PendingError, match="yet to give the assignment") as caught:
        await first.grant(order)
    assert caught.value.retry_after == 5
    await first.aclose()
    with pytest.raises(PendingError):
        await second.grant(order)  # which knows nothing of the request, and meets the conflict
    assert await second.verify(order) is Presence.ABSENT
    await second.aclose()
    patient = ground.connect()
    await patient.grant(order)
    assert await patient.verify(order) is Presence.PRESENT
    ground.account.steer(centre={})
    await patient.revoke(order)
    await patient.aclose()


async def test_a_revoke_waits_for_a_creation_that_nobody_waits_for(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """What was asked for by a call that was cut off lands, and is taken away again."""
    ground.account.steer(centre={"takes": 1.0})
    order = ground.order()
    call = asyncio.create_task(adapter.grant(order))
    await asyncio.sleep(0.6)
    call.cancel()
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    assert not await ground.admits(order, None)


@pytest.mark.parametrize("verb", ["grant", "revoke"])
async def test_a_change_that_failed_is_told_with_its_reason(
    ground: CentreGround, adapter: IdentityCenterAdapter, verb: str
) -> None:
    """A human is told at once; the next try begins anew."""
    order = ground.order()
    if verb == "revoke":
        await adapter.grant(order)
    ground.account.steer(centre={"fails": ["the role quota of the account is reached"]})
    with pytest.raises(RefusedError, match="role quota of the account"):
        await getattr(adapter, verb)(order)
    await adapter.grant(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


async def test_a_fence_that_could_not_be_provisioned_is_told(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """Sessions are not called ended before they are; the next revoke ends them."""
    order, other = ground.order(), ground.order(who="eli")
    await adapter.grant(order)
    await adapter.grant(other)
    door = await ground.open_door(order, None)
    real = adapter._changes.take

    async def take(*words: object) -> None:
        await real(*words)  # type: ignore[arg-type] - what the adapter hands over
        ground.account.steer(centre={"fails": ["no such luck"]})

    adapter._changes.take = take  # type: ignore[method-assign] - between two steps of one revoke
    with pytest.raises(RefusedError, match="provision the permission set: no such luck"):
        await adapter.revoke(order)
    assert await door.is_open()
    adapter._changes.take = real  # type: ignore[method-assign] - as above
    await adapter.revoke(order)
    assert not await door.is_open()
    await adapter.revoke(other)


async def test_pages_are_read_to_their_end(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """The assignment that stands on the second page is found."""
    blocks = [{**ground.block(), "permission_set": arn} for arn in ground.account.words["sets"]]
    orders = [ground.order() for _ in blocks]
    for order, block in zip(orders, blocks, strict=True):
        object.__setattr__(order, "params", block)
        await ground.hold(order)
    assert {await adapter.verify(order) for order in orders} == {Presence.PRESENT}
    for order in orders:
        await ground.release(order)


async def test_fences_stay_as_long_as_sessions_can_and_no_longer(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """One for each person; twelve hours later the next end takes it out; others' words stay."""
    arn = ground.account.words["sets"][0]
    about = {"InstanceArn": ground.instance, "PermissionSetArn": arn}
    text = json.dumps({"Version": "2012-10-17", "Statement": [READING]})
    await ground.account.root(
        "sso-admin", "put_inline_policy_to_permission_set", InlinePolicy=text, **about
    )
    orders = [ground.order(), ground.order(), ground.order(who="eli")]
    for order in orders:
        await adapter.grant(order)
        await adapter.revoke(order)
    sids = [each["Sid"] for each in await ground.statements(arn)]
    assert sids == ["Reading", *(order.mark.replace("-", "") for order in orders[1:])]
    await ground.until(ground.now() + timedelta(hours=12, seconds=2))
    last = ground.order()
    await adapter.grant(last)
    await adapter.revoke(last)
    sids = [each["Sid"] for each in await ground.statements(arn)]
    assert sids == ["Reading", last.mark.replace("-", "")]
    await ground.clear()


async def test_a_new_grant_is_not_fenced_off(
    ground: CentreGround, adapter: IdentityCenterAdapter
) -> None:
    """Who is let in again within the twelve hours works; the sessions of before do not."""
    order, again, other = ground.order(), ground.order(), ground.order(who="eli")
    await adapter.grant(other)  # so that the role is there all the time
    await adapter.grant(order)
    old = await ground.open_door(order, None)
    assert await old.is_open()
    await adapter.revoke(order)
    await adapter.grant(again)
    await ground.until(ground.now() + timedelta(seconds=2))
    new = await ground.open_door(again, None)
    assert (await old.is_open(), await new.is_open()) == (False, True)
    await adapter.revoke(again)
    await adapter.revoke(other)
    assert not await new.is_open()
