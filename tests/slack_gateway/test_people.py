"""The directory against a workspace that answers, changes, and fails to answer."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.people import Standing
from bot.engine.ports import DirectoryError
from bot.slack.client import WIRE_ERRORS, open_client
from bot.slack.looks import FRESH
from bot.slack.people import People
from bot.slack.workspace import Workspace
from sandbox import SandboxServer
from sandbox.faults import Fault, FaultKind
from sandbox.manifest import read_manifest
from sandbox.seed import APPROVALS, BACKEND, BUILDBOT, DANA, DORIS, GARY, MAYA, STELLA
from tests.slack_gateway.floor import MANIFEST, Rules, policy_of, who

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Hall:
    """A directory, the workspace behind it and a clock to move."""

    sandbox: SandboxServer
    people: People
    rules: Rules
    now: float = 1_000.0

    def calls(self, method: str) -> int:
        return len(self.sandbox.traffic.calls(method))


@asynccontextmanager
async def hall(**changes: object) -> AsyncIterator[Hall]:
    rules = Rules(policy_of("p", **changes))
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(SandboxServer(manifest=read_manifest(MANIFEST)))
        client = await stack.enter_async_context(open_client(sandbox.bot_token, sandbox.api_url))
        people = People(client, Workspace(client), rules, now=lambda: here.now)
        stack.push_async_callback(people.close)
        here = Hall(sandbox, people, rules)
        yield here


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        (MAYA, Standing.MEMBER),
        (GARY, Standing.GUEST),
        (STELLA, Standing.STRANGER),
        (DORIS, Standing.DEACTIVATED),
        (BUILDBOT, Standing.BOT),
        ("U0NOBODY", Standing.STRANGER),
        ("USLACKBOT", Standing.BOT),
        ("cli:root", Standing.STRANGER),
        ("", Standing.STRANGER),
    ],
)
async def test_who_is_what(user: str, standing: Standing) -> None:
    """Each kind of account is told apart; what is no id of Slack's is not even asked for."""
    async with hall() as here:
        assert (await here.people.account(user)).standing is standing
        assert here.calls("users.info") == (1 if user.startswith("U") else 0)


async def test_only_what_the_policy_names() -> None:
    """Groups by id and by handle, as named; others are nobody's business."""
    async with hall() as here:
        maya = await here.people.account(MAYA)
        dana = await here.people.account(DANA)

        assert maya.groups == {"S0DBA", "@dba"}
        assert (maya.email, maya.timezone) == ("maya@example.com", "Europe/London")
        assert dana.groups == frozenset()
        assert here.calls("usergroups.list") == 1
        assert here.calls("users.profile.get") == 0


async def test_without_groups_in_the_policy_none_are_looked_at() -> None:
    """Workspaces without user groups work when the policy names none."""
    async with hall() as here:
        policy = here.rules.current
        plain = {"prod-db": replace(policy.resources["prod-db"], approvers=who(MAYA))}
        here.rules.current = replace(policy, resources=plain, admins=())

        assert (await here.people.account(MAYA)).groups == frozenset()
        assert here.calls("usergroups.list") == 0


async def test_a_change_counts_within_a_minute() -> None:
    """Who left a group, or the company, is out after a minute at most."""
    async with hall() as here:
        await here.people.account(MAYA)
        here.sandbox.admin.change_usergroup("S0DBA", users=["U0OMAR"])
        here.sandbox.admin.change_user(MAYA, deleted=True)
        here.now += FRESH + 1
        maya = await here.people.account(MAYA)

        assert maya.standing is Standing.DEACTIVATED
        assert maya.groups == frozenset()


async def test_a_disabled_group_has_no_members() -> None:
    """A group that was switched off gives nobody any right."""
    async with hall() as here:
        here.sandbox.admin.change_usergroup("S0DBA", is_disabled=True)

        assert (await here.people.account(MAYA)).groups == frozenset()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("users.info", FaultKind.STATUS, status=503),
        Fault("users.info", FaultKind.STATUS, status=504),
        Fault("users.info", FaultKind.RATELIMITED),
        Fault("users.info", FaultKind.RATELIMITED, with_json=False),
        Fault("users.info", FaultKind.DROP, times=None),
        Fault("users.info", FaultKind.NOT_JSON),
        Fault("users.info", FaultKind.ERROR, error="invalid_auth"),
        Fault("users.info", FaultKind.ERROR, error="fatal_error"),
        Fault("usergroups.list", FaultKind.STATUS, status=500),
        Fault("usergroups.list", FaultKind.ERROR, error="missing_scope"),
        Fault("auth.test", FaultKind.ERROR, error="token_revoked"),
    ],
)
async def test_when_slack_cannot_say(fault: Fault) -> None:
    """Every failure is the same no; once Slack answers again, so does the directory."""
    async with hall() as here:
        here.sandbox.faults.add(fault)
        with pytest.raises(DirectoryError):
            await here.people.account(MAYA)
        here.sandbox.faults.clear()
        here.now += 2

        assert (await here.people.account(MAYA)).standing is Standing.MEMBER


async def test_nothing_is_posted_a_second_time_behind_our_back() -> None:
    """A post whose answer was lost is one call: the SDK's own repeating is off."""
    async with hall() as here, open_client(here.sandbox.bot_token, here.sandbox.api_url) as client:
        await client.auth_test()  # so that the post takes a connection that was used before
        here.sandbox.faults.add(Fault("chat.postMessage", FaultKind.STORED_THEN_DROP, times=None))
        with pytest.raises(WIRE_ERRORS):
            await client.chat_postMessage(channel=APPROVALS, text="once")

        assert here.calls("chat.postMessage") == 1


async def test_workspaces_without_user_groups() -> None:
    """`plan_upgrade_required` is an answer: nobody is in any group."""
    async with hall() as here:
        fault = Fault("usergroups.list", FaultKind.ERROR, error="plan_upgrade_required")
        here.sandbox.faults.add(fault)

        assert (await here.people.account(MAYA)).groups == frozenset()


async def test_by_address() -> None:
    """Found without regard to case; unknown and former people are nobody."""
    async with hall() as here:
        found = await here.people.find(" Maya@Example.com ")

        assert found is not None
        assert found.user == MAYA
        assert await here.people.find("doris@example.com") is None
        assert await here.people.find("nobody@example.com") is None


async def test_managers_where_the_policy_has_them() -> None:
    """The profile field that the workspace calls Manager; looked for only when it matters."""
    async with hall(approvers=who("manager")) as here:
        assert (await here.people.account(DANA)).manager == MAYA
        assert (await here.people.account(MAYA)).manager is None

        await here.people.account("U0OMAR")

        assert here.calls("team.profile.get") == 1


async def test_more_than_one_manager_is_nobody() -> None:
    """A field with two people in it names none."""
    async with hall(approvers=who("manager")) as here:
        here.sandbox.workspace.users[DANA].fields = {"Xf0MANAGER": f"{MAYA},U0OMAR"}

        assert (await here.people.account(DANA)).manager is None


async def test_words_for_ids() -> None:
    """Names and handles that were looked up before; an id where none was."""
    async with hall() as here:
        await here.people.account(MAYA)

        assert here.people.spoken(MAYA) == "maya"
        assert here.people.spoken("S0DBA") == "@dba"
        assert here.people.spoken(BACKEND) == "@backend"
        assert here.people.spoken("U0OMAR") == "U0OMAR"
        assert await here.people.group_of("DBA") == "S0DBA"
        assert await here.people.group_of("nothing") is None


async def test_warm_before_anybody_asks() -> None:
    """The groups are there before the first click, and the warming ends when it is told to."""
    async with hall() as here:
        warming = asyncio.create_task(here.people.warm())
        await here.sandbox.until(lambda: here.people.spoken("S0DBA") == "@dba")
        await here.people.account(MAYA)
        warming.cancel()

        assert here.calls("usergroups.list") == 1
