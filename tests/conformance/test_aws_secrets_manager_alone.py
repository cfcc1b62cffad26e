"""What only a check-out has: rotations that take their time or hang, and two who come at once."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from adapters.aws.secrets_manager import SecretsManagerAdapter
from adapters.base import PendingError, Presence, RefusedError
from tests.aws.account import Account, actions_of, documented
from tests.conformance.aws_secrets_manager_ground import SecretsGround


@pytest.fixture
async def ground(aws: Account) -> AsyncIterator[SecretsGround]:
    made = SecretsGround(aws)
    await made.prepared()
    before = await made.inventory()
    yield made
    await made.clear()
    await aws.well()
    assert await made.inventory() == before


@pytest.fixture
async def adapter(ground: SecretsGround) -> AsyncIterator[SecretsManagerAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


async def versions(ground: SecretsGround, name: str = "orders") -> set[str]:
    found = await ground.described(name)
    return {each for each, stages in found["VersionIdsToStages"].items() if stages}


async def test_the_documented_rights_are_the_used_ones(
    ground: SecretsGround, adapter: SecretsManagerAdapter
) -> None:
    """What the page gives the bot is what a whole life uses: none less, none more."""
    ground.account.steer(forget=True)
    order = ground.order()
    assert await adapter.probe([ground.block()]) == []
    await adapter.grant(order)
    await adapter.issue(order)
    await adapter.owned()
    await adapter.revoke(order)
    assert set(ground.account.steer()["used"]) == actions_of(documented(ground.page))


async def test_what_nobody_saw_is_not_rotated(
    ground: SecretsGround, adapter: SecretsManagerAdapter
) -> None:
    """Checked out and given back without a press: the value stays."""
    before = await versions(ground)
    order = ground.order()
    await adapter.grant(order)
    await adapter.revoke(order)
    assert await versions(ground) == before


async def test_the_access_is_gone_only_after_the_rotation(ground: SecretsGround) -> None:
    """While the rotation takes its time the tag stays and nobody is next; then it goes."""
    ground.account.steer(rotation={"takes": 3.0})
    adapter = ground.connect(call_limit=1.0)
    order, following = ground.order(), ground.order(who="eli")
    await adapter.grant(order)
    credential = await adapter.issue(order)
    with pytest.raises(PendingError, match="still being rotated"):
        await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PRESENT
    assert await ground.admits(order, credential)
    with pytest.raises(RefusedError, match="is checked out"):
        await adapter.grant(following)
    async with asyncio.timeout(10):
        while True:
            try:
                await adapter.revoke(order)
            except PendingError:
                continue
            break
    assert await adapter.verify(order) is Presence.ABSENT
    assert not await ground.admits(order, credential)
    await adapter.grant(following)
    await adapter.revoke(following)
    await adapter.aclose()


async def test_a_rotation_that_hangs_is_never_called_done(ground: SecretsGround) -> None:
    """It stays pending, however often it is asked for; mended by a human, it completes."""
    ground.account.steer(rotation={"fails": True})
    adapter = ground.connect(call_limit=1.0)
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    for _ in range(2):
        with pytest.raises(PendingError):
            await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PRESENT
    found = await ground.described("orders")
    pending = next(v for v, s in found["VersionIdsToStages"].items() if "AWSPENDING" in s)
    current = next(v for v, s in found["VersionIdsToStages"].items() if "AWSCURRENT" in s)
    about = {"SecretId": "orders", "VersionStage": "AWSCURRENT"}
    await ground.account.root(
        "secretsmanager",
        "update_secret_version_stage",
        MoveToVersionId=pending,
        RemoveFromVersionId=current,
        **about,
    )
    await ground.account.root(
        "secretsmanager",
        "update_secret_version_stage",
        RemoveFromVersionId=pending,
        **{**about, "VersionStage": "AWSPENDING"},
    )
    await adapter.revoke(order)
    assert not await ground.admits(order, credential)
    await adapter.aclose()


async def test_a_crash_before_the_value_was_read_still_rotates(
    ground: SecretsGround, adapter: SecretsManagerAdapter
) -> None:
    """The tag says that it was shown before it is read, so it is changed in any case."""
    order = ground.order()
    await adapter.grant(order)
    policy = documented(ground.page)
    for statement in policy["Statement"]:
        statement["Action"] = [a for a in statement["Action"] if not a.endswith("GetSecretValue")]
    before = await versions(ground)
    text = json.dumps(policy)
    about = {"UserName": "curfew-bot", "PolicyName": "documented"}
    await ground.account.root("iam", "put_user_policy", PolicyDocument=text, **about)
    with pytest.raises(RefusedError, match="GetSecretValue"):
        await adapter.issue(order)
    await ground.prepared()
    await adapter.revoke(order)
    assert await versions(ground) != before


async def test_two_programs_at_once_both_step_back_or_one_gets_it(ground: SecretsGround) -> None:
    """Never do two hold it, whatever order their requests come in."""
    programs = [ground.connect() for _ in range(4)]
    orders = [ground.order() for _ in programs]
    for _ in range(3):
        calls = [each.grant(order) for each, order in zip(programs, orders, strict=True)]
        said = await asyncio.gather(*calls, return_exceptions=True)
        found = [await programs[0].verify(order) for order in orders]
        assert found.count(Presence.PRESENT) <= 1
        assert [error is None for error in said] == [each is Presence.PRESENT for each in found]
        for each, order in zip(programs, orders, strict=True):
            await each.revoke(order)
    for each in programs:
        await each.aclose()


async def test_what_a_block_names_must_be_there_and_rotate(
    ground: SecretsGround, adapter: SecretsManagerAdapter
) -> None:
    """A secret that is not there, and one that nobody could give back, are named."""
    await ground.account.root("secretsmanager", "create_secret", Name="stock-2", SecretString="x")
    policy = documented(ground.page)
    for statement in policy["Statement"]:
        statement["Resource"] = "*"
    await ground.account.root(
        "iam",
        "put_user_policy",
        UserName="curfew-bot",
        PolicyName="documented",
        PolicyDocument=json.dumps(policy),
    )
    said = await adapter.probe([{"secret": "orders-of-old"}, {"secret": "stock-2"}])
    assert said[0] == "Secrets Manager has no secret orders-of-old: create it, or name another."
    assert "The secret stock-2 has no rotation: set it up" in said[1]
    assert len(said) == 2
    await ground.account.root(
        "secretsmanager", "delete_secret", SecretId="stock-2", ForceDeleteWithoutRecovery=True
    )
    await ground.prepared()
