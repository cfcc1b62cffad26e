"""What is wrong with a workspace is found all at once, with what to do about it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from bot.slack.checks import Finding, check_workspace
from bot.slack.client import open_client
from sandbox import SandboxServer
from sandbox.faults import Fault, FaultKind
from sandbox.manifest import read_manifest
from sandbox.seed import APPROVALS, AUDIT, DORIS, OUTSIDERS
from sandbox.workspace import BOT_USER
from tests.slack_gateway.floor import MANIFEST, policy_of, who

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.domain.policy import Policy


@dataclass
class Site:
    """A workspace to be looked at."""

    sandbox: SandboxServer
    policy: Policy

    async def look(self, token: str | None = None) -> list[Finding]:
        async with open_client(token or self.sandbox.bot_token, self.sandbox.api_url) as client:
            return await check_workspace(client, self.policy)


@asynccontextmanager
async def site(**changes: object) -> AsyncIterator[Site]:
    async with SandboxServer(manifest=read_manifest(MANIFEST)) as sandbox:
        yield Site(sandbox, policy_of("p", **changes))


async def test_all_is_well() -> None:
    """Installed by our manifest, with the bot in its channels, nothing is found."""
    async with site() as here:
        assert await here.look() == []


async def test_nothing_is_changed() -> None:
    """Only methods that read are called."""
    async with site() as here:
        await here.look()
        called = {
            entry["method"] for entry in here.sandbox.traffic.since() if entry["kind"] == "call"
        }

        assert called == {
            "auth.test",
            "conversations.info",
            "usergroups.list",
            "users.info",
            "users.lookupByEmail",
        }


async def test_everything_is_wrong_at_once() -> None:
    """Scope, channels, groups and people: one finding each, all with a way out."""
    async with site(requesters=who(DORIS, "U0NOBODY", "gone@example.com")) as here:
        here.sandbox.installation.scopes -= {"users:read.email", "chat:write"}
        here.sandbox.workspace.channels[APPROVALS].members.remove(BOT_USER)
        here.sandbox.workspace.channels[AUDIT].is_archived = True
        here.sandbox.admin.change_usergroup("S0OPS", is_disabled=True)
        found = await here.look()
        said = "\n".join(one.message for one in found)

        assert "The scope chat:write is missing." in said
        assert "The scope users:read.email is missing." in said
        assert f"The bot is not in #approvals ({APPROVALS})." in said
        assert f"#audit ({AUDIT}) is archived." in said
        assert "There is no user group S0OPS." in said
        assert f"{DORIS} in the policy is deactivated." in said
        assert "There is nobody called U0NOBODY in the workspace." in said
        assert all(one.hint for one in found)


@pytest.mark.parametrize(
    ("channel", "why", "fatal"),
    [
        ("C0NOWHERE", "The channel C0NOWHERE is not there", True),
        (OUTSIDERS, f"#outsiders ({OUTSIDERS}) is shared with another organisation", False),
    ],
)
async def test_a_channel_of_a_resource(channel: str, why: str, *, fatal: bool) -> None:
    """Each resource's own channel is looked at as well."""
    async with site(channel=channel) as here:
        [found] = await here.look()

        assert found.message.startswith(why)
        assert found.fatal is fatal


async def test_the_manager_needs_a_scope_of_its_own() -> None:
    """Asked for only where the policy says `manager`."""
    async with site() as here:
        here.sandbox.installation.scopes -= {"users.profile:read"}

        assert await here.look() == []

        resource = replace(here.policy.resources["prod-db"], approvers=who("manager"))
        here.policy = replace(here.policy, resources={"prod-db": resource})
        [found] = await here.look()

        assert "users.profile:read" in found.message


@pytest.mark.parametrize(
    ("fault", "code", "hint"),
    [
        (Fault("auth.test", FaultKind.ERROR, error="token_revoked"), "token", "Install the app"),
        (Fault("auth.test", FaultKind.STATUS, status=503), "away", "HTTPS_PROXY"),
        (Fault("auth.test", FaultKind.NOT_JSON), "away", "HTTPS_PROXY"),
        (Fault("auth.test", FaultKind.DROP), "away", "HTTPS_PROXY"),
        (
            Fault("usergroups.list", FaultKind.ERROR, error="plan_upgrade_required"),
            "group",
            "Name people",
        ),
        (Fault("usergroups.list", FaultKind.STATUS, status=500), "group", "HTTPS_PROXY"),
        (Fault("conversations.info", FaultKind.STATUS, status=500), "channel", "HTTPS_PROXY"),
    ],
)
async def test_what_slack_answers(fault: Fault, code: str, hint: str) -> None:
    """A bad token, a Slack that is away, a plan without user groups: told apart."""
    async with site() as here:
        here.sandbox.faults.add(fault)
        [found] = await here.look()

        assert found.code == code
        assert hint in found.hint


async def test_a_wrong_token() -> None:
    """One finding, and no more calls with a token that is worth nothing."""
    async with site() as here:
        [found] = await here.look("xoxb-of-somebody-else")

        assert found.message == "Slack does not accept the bot token: invalid_auth."
        assert len(here.sandbox.traffic.calls("conversations.info")) == 0
