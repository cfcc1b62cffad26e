"""What only aws_sts has: least rights, what people paste, the console, a role with rights."""

import configparser
import json
import shlex
import subprocess
from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapters.aws.sts import StsAdapter, StsSettings
from adapters.base import Credential, Presence
from tests.aws.account import Account, actions_of, documented
from tests.conformance.aws_sts_ground import ALLOWED, StsGround, keys_of

ATTACHED = "arn:aws:iam::123456789012:policy/reads-orders"


@pytest.fixture
async def ground(aws: Account) -> AsyncIterator[StsGround]:
    made = StsGround(aws, "allow")
    await made.prepared()
    before = await made.inventory()
    yield made
    await made.clear()
    await aws.well()
    assert await made.inventory() == before


@pytest.fixture
async def adapter(ground: StsGround) -> AsyncIterator[StsAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


def text_of(credential: Credential, label: str) -> str:
    [text] = [each.text for each in credential.snippets if each.label == label]
    return text


async def test_the_documented_rights_are_the_used_ones(
    ground: StsGround, adapter: StsAdapter
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


async def test_the_line_for_the_config_is_one(ground: StsGround, adapter: StsAdapter) -> None:
    """The process that it names prints what AWS's tools read, and those keys open the secret."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    config = configparser.ConfigParser(interpolation=None)
    config.read_string("[profile temporary]\n" + text_of(credential, "In ~/.aws/config"))
    command = config["profile temporary"]["credential_process"]
    run = subprocess.run(  # noqa: S603, ASYNC221 - as the tools do: split, without a shell
        shlex.split(command), capture_output=True, check=True
    )
    said = json.loads(run.stdout)
    assert said["Version"] == 1
    assert said["Expiration"].endswith("Z")
    assert (said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"]) == keys_of(
        credential
    )
    assert await ground.admits(order, credential)
    await adapter.revoke(order)


async def test_the_link_opens_the_console_as_the_session(
    ground: StsGround, adapter: StsAdapter
) -> None:
    """Whoever follows it is signed in as the session that the keys belong to."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    link = text_of(credential, "Console")
    assert "Destination=https%3A%2F%2Fconsole.aws.amazon.com%2F" in link
    assert keys_of(credential)[1] not in link
    async with aiohttp.ClientSession() as client, client.get(link) as answer:
        assert (await answer.json())["key"] == keys_of(credential)[0]
    await adapter.revoke(order)


async def test_without_the_sign_in_there_are_keys_all_the_same(ground: StsGround) -> None:
    """The note says why there is no link, and shows nothing of the keys."""
    words = {**ground.settings(), "signin_url": f"{ground.account.door}/elsewhere"}
    adapter = StsAdapter("prod-sts", StsSettings.model_validate(words))
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    assert "no link to the console" in credential.note
    assert [each.label for each in credential.snippets] == ["Environment", "In ~/.aws/config"]
    assert await ground.admits(order, credential)
    await adapter.revoke(order)
    await adapter.aclose()


async def test_a_session_takes_no_further_role(ground: StsGround, adapter: StsAdapter) -> None:
    """New credentials by way of another role would outlive the end: they are denied."""
    order = ground.order()
    allow = [{"actions": ["*"], "resources": ["*"]}]
    object.__setattr__(order, "params", {**order.params, "allow": allow})
    await adapter.grant(order)
    keys = keys_of(await adapter.issue(order))
    assert await ground.account.ask(keys, "iam", "get_role", RoleName="oncall") is not None
    asked = {"RoleArn": "arn:aws:iam::123456789012:role/oncall", "RoleSessionName": "dana"}
    assert await ground.account.ask(keys, "sts", "assume_role", **asked) is None
    await adapter.revoke(order)
    assert await ground.account.ask(keys, "iam", "get_role", RoleName="oncall") is None


async def test_doctor_names_what_the_role_may_by_itself(
    ground: StsGround, adapter: StsAdapter
) -> None:
    """Rights of its own would outlive a grant, so they are named; ours are not."""
    order, role = ground.order(), {"RoleName": "temporary"}
    await adapter.grant(order)
    await ground.account.root(
        "iam", "put_role_policy", PolicyName="own", PolicyDocument=ALLOWED, **role
    )
    await ground.account.root("iam", "attach_role_policy", PolicyArn=ATTACHED, **role)
    [said] = await adapter.probe([ground.block()])
    assert "rights of its own (own, reads-orders)" in said
    await ground.account.root("iam", "detach_role_policy", PolicyArn=ATTACHED, **role)
    await ground.account.root("iam", "delete_role_policy", PolicyName="own", **role)
    assert await adapter.probe([ground.block()]) == []
    await adapter.revoke(order)


async def test_a_bot_that_may_not_assume_the_role_is_told(
    ground: StsGround, adapter: StsAdapter
) -> None:
    """The trust policy of the role counts too, and so does its absence."""
    arn = "arn:aws:iam::123456789012:role/oncall"
    said = await adapter.probe([{**ground.block(), "role": arn}])
    assert any("iam:GetRole:" in each for each in said)
    assert any("sts:AssumeRole and sts:SetSourceIdentity" in each for each in said)


async def test_what_somebody_widened_is_not_called_present(
    ground: StsGround, adapter: StsAdapter
) -> None:
    """A policy of our name that allows everybody something is neither ours nor absent."""
    order = ground.order()
    await adapter.grant(order)
    await ground.account.root(
        "iam",
        "put_role_policy",
        RoleName="temporary",
        PolicyName=order.mark,
        PolicyDocument=ALLOWED,
    )
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
