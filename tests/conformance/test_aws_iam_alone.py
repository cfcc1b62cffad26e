"""What only aws_iam has: least rights, roles assumed by the bot, names, policies that moved."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.aws._account import AwsSettings
from adapters.aws.iam import IamAdapter
from adapters.base import Person, Presence, RefusedError, UnreachableError
from adapters.conformance import Weather
from tests.aws.account import Account, actions_of, documented
from tests.aws.names import BOT, OUTSIDE
from tests.conformance.aws_iam_ground import IamGround

FORMS = ("user", "role", "group")


@pytest.fixture
async def ground(aws: Account) -> AsyncIterator[IamGround]:
    made = IamGround(aws, "user")
    await made.prepared()
    before = await made.inventory()
    yield made
    await made.clear()
    await aws.well()
    assert await made.inventory() == before


@pytest.fixture
async def adapter(ground: IamGround) -> AsyncIterator[IamAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


async def put_bot_policy(ground: IamGround, document: dict[str, Any]) -> None:
    await ground.account.root(
        "iam",
        "put_user_policy",
        UserName=BOT,
        PolicyName="documented",
        PolicyDocument=json.dumps(document),
    )


async def test_the_documented_rights_are_the_used_ones(
    ground: IamGround, adapter: IamAdapter
) -> None:
    """What the page gives the bot is what a whole life in every form uses: none less, none more."""
    ground.account.steer(forget=True)
    for form in FORMS:
        each = IamGround(ground.account, form)
        order = each.order()
        assert await adapter.probe([each.block(0), each.block(1)]) == []
        await adapter.counterpart(order)
        await adapter.grant(order)
        assert await adapter.verify(order) is Presence.PRESENT
        await adapter.owned()
        await adapter.revoke(order)
        await adapter.revoke(order)
    assert set(ground.account.steer()["used"]) == actions_of(documented(ground.page))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("user", ("GetUser", "GetUserPolicy", "PutUserPolicy", "DeleteUserPolicy")),
        ("role", ("GetRole", "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy")),
        (
            "group",
            ("GetGroup", "ListGroupsForUser", "AddUserToGroup", "RemoveUserFromGroup"),
        ),
        ("user", ("GetAccountAuthorizationDetails",)),
    ],
)
async def test_doctor_names_each_right_that_is_missing(
    ground: IamGround, adapter: IamAdapter, form: str, words: tuple[str, ...]
) -> None:
    """With one right taken out of the page's policy the probe says which, and nothing else."""
    block = IamGround(ground.account, form).block()
    for word in words:
        policy = documented(ground.page)
        for statement in policy["Statement"]:
            statement["Action"] = [
                action for action in statement["Action"] if action != f"iam:{word}"
            ] or ["iam:ListUsers"]
        await put_bot_policy(ground, policy)
        [said] = await adapter.probe([block])
        assert f" iam:{word}:" in said
    await ground.prepared()


async def test_what_a_block_names_must_be_there(ground: IamGround, adapter: IamAdapter) -> None:
    """A group or a role that IAM does not have is named, with the way out."""
    policy = documented(ground.page)
    for statement in policy["Statement"]:
        statement["Resource"] = "*"
    await put_bot_policy(ground, policy)
    allow = ground.block()["allow"]
    blocks = [{"group": "readers-of-old"}, {"allow": allow, "role": "nobody"}]
    assert await adapter.probe(blocks) == [
        "IAM has no group readers-of-old: create it, or name another.",
        "IAM has no role nobody: create it, or name another.",
    ]
    await ground.prepared()


async def test_the_bot_can_assume_a_role_of_its_own(ground: IamGround) -> None:
    """With `role` and `external_id` everything is done as that role; without the id nothing is."""
    policy = documented(ground.page)
    hub = {"RoleName": "hub", "PolicyName": "documented"}
    text = json.dumps(policy)
    await ground.account.root("iam", "put_role_policy", PolicyDocument=text, **hub)
    assume = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": "*"}
    await put_bot_policy(ground, {"Version": "2012-10-17", "Statement": [assume]})
    try:
        arn = "arn:aws:iam::123456789012:role/hub"
        words = {**ground.settings(), "role": arn, "external_id": OUTSIDE}
        order = ground.order()
        adapter = IamAdapter("prod-aws", AwsSettings.model_validate(words))
        await adapter.grant(order)
        assert await adapter.verify(order) is Presence.PRESENT
        await adapter.revoke(order)
        await adapter.aclose()
        stranger = IamAdapter(
            "prod-aws", AwsSettings.model_validate({**words, "external_id": "another"})
        )
        with pytest.raises(RefusedError, match="AssumeRole"):
            await stranger.verify(order)
        await stranger.aclose()
    finally:
        await ground.account.root("iam", "delete_role_policy", **hub)
        await ground.prepared()


async def test_a_policy_is_found_though_its_user_was_renamed(
    ground: IamGround, adapter: IamAdapter
) -> None:
    """Who is called otherwise by now loses the access all the same."""
    order = ground.order()
    await adapter.grant(order)
    rename = {"UserName": "dana", "NewUserName": "dana.d"}
    await ground.account.root("iam", "update_user", **rename)
    try:
        assert order.grant_id in await adapter.owned()
        await adapter.revoke(order)
        assert await adapter.owned() == frozenset()
    finally:
        await ground.account.root("iam", "update_user", UserName="dana.d", NewUserName="dana")


@pytest.mark.parametrize("name", ["d*na", "dana;eli", "${aws:username}", "dana eli", "d" * 65])
async def test_a_name_that_iam_cannot_have_is_refused(
    ground: IamGround, adapter: IamAdapter, name: str
) -> None:
    """It is told beforehand, granted nothing, and its revoke finds nothing to take away."""
    order = ground.order(person=Person("U1", names={"prod-aws": name}))
    said = await adapter.counterpart(order)
    assert said is not None
    assert "cannot be a name in IAM" in said
    with pytest.raises(RefusedError, match="cannot be a name in IAM"):
        await adapter.grant(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    assert adapter.cleanup(order)


async def test_a_role_s_policy_is_one_person_s(ground: IamGround, adapter: IamAdapter) -> None:
    """What dana was given on a role that all use, eli's sessions of the same role do not have."""
    shared = IamGround(ground.account, "role")
    order = shared.order()
    await adapter.grant(order)
    assert await shared.admits(order, None)
    assert not await shared.admits(replace(order, person=shared.person("eli")), None)
    await adapter.revoke(order)


async def test_what_somebody_widened_is_not_called_present(
    ground: IamGround, adapter: IamAdapter
) -> None:
    """A policy of our name that says something else than we wrote is neither ours nor absent."""
    order = ground.order()
    await adapter.grant(order)
    await ground.put("dana", order.mark)
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


async def test_throttling_says_when_to_come_back(ground: IamGround, adapter: IamAdapter) -> None:
    """AWS's own distance is handed on."""
    async with ground.weather(Weather.CROWDED):
        with pytest.raises(UnreachableError) as caught:
            await adapter.verify(ground.order())
    assert caught.value.retry_after == 3
