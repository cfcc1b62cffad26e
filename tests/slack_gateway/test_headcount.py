"""`doctor` counts people: those whom only Slack knows, by the rules of the policy check."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bot.slack.client import open_client
from bot.slack.headcount import count_people
from bot.slack.people import People
from bot.slack.workspace import Workspace
from sandbox import SandboxServer
from sandbox.faults import Fault, FaultKind
from sandbox.manifest import read_manifest
from sandbox.seed import BACKEND, DANA, DBA, DORIS, GARY, MAYA, OLGA, OMAR, OPS
from tests.slack_gateway.floor import MANIFEST, Rules, policy_of, who

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.slack.checks import Finding


@dataclass
class Office:
    """A workspace whose people are counted for one resource, `prod-db`."""

    sandbox: SandboxServer

    async def count(self, *approvers: str, approvals: int = 1, asks: str = DANA) -> list[Finding]:
        policy = policy_of(
            "p", approvers=who(*approvers), approvals=approvals, requesters=who(asks)
        )
        policy = type(policy)(
            channels=policy.channels,
            providers=policy.providers,
            resources={"prod-db": policy.resources["prod-db"]},
            admins=policy.admins,
        )
        async with open_client(self.sandbox.bot_token, self.sandbox.api_url) as client:
            people = People(client, Workspace(client), Rules(policy))
            found = await count_people(people, policy)
            await people.close()
            return found


@asynccontextmanager
async def office() -> AsyncIterator[Office]:
    async with SandboxServer(manifest=read_manifest(MANIFEST)) as sandbox:
        yield Office(sandbox)


@pytest.mark.parametrize(
    ("approvers", "approvals"),
    [
        ((DBA,), 1),
        ((DBA,), 2),
        (("@dba", "olga@example.com"), 3),
        (("anyone",), 9),
        (("manager",), 1),
        (("manager", OLGA), 2),
        ((), 0),
        ((MAYA,), 1),
    ],
)
async def test_enough_people(approvers: tuple[str, ...], approvals: int) -> None:
    """Members of user groups count, people named twice once, a manager for one."""
    async with office() as here:
        assert await here.count(*approvers, approvals=approvals) == []


@pytest.mark.parametrize(
    ("approvers", "approvals", "says"),
    [
        ((DBA,), 3, "prod-db asks for 3 approvals and has 2 approvers in Slack."),
        ((DBA, "@dba", MAYA), 3, "prod-db asks for 3 approvals and has 2 approvers in Slack."),
        ((GARY, DORIS, OLGA), 2, "prod-db asks for 2 approvals and has 1 approver in Slack."),
        (("manager",), 2, "prod-db asks for 2 approvals and has 1 approver in Slack."),
    ],
    ids=["group", "named twice", "guest and deactivated", "manager"],
)
async def test_more_approvals_than_approvers(
    approvers: tuple[str, ...], approvals: int, says: str
) -> None:
    """An impossible number is wrong: nothing could ever be approved."""
    async with office() as here:
        [found] = await here.count(*approvers, approvals=approvals)

        assert found.message == says
        assert found.fatal


async def test_an_empty_group() -> None:
    """Told by itself wherever it is named, and again where nobody is left to approve."""
    async with office() as here:
        here.sandbox.admin.change_usergroup(DBA, users=[])
        here.sandbox.admin.change_usergroup(OPS, users=[])
        said = [(one.message, one.fatal) for one in await here.count("@dba")]

        assert said == [
            ("The user group @dba has no members.", False),
            (f"The user group {OPS} has no members.", False),
            ("Nobody can approve prod-db: none of its approvers is a full member.", False),
        ]


async def test_a_group_that_is_not_there_is_not_empty() -> None:
    """The look at the workspace tells that it is missing; here only nobody is left."""
    async with office() as here:
        [found] = await here.count("@nobody", "gone@example.com")

        assert found.code == "nobody_can_approve"


async def test_the_only_approver_asks() -> None:
    """Who is the only one to approve their own requests is named, through groups too."""
    async with office() as here:
        here.sandbox.admin.change_usergroup(DBA, users=[OMAR])
        here.sandbox.admin.change_usergroup(BACKEND, users=[DANA, OMAR])
        [found] = await here.count(DBA, asks=BACKEND)

        assert found.message.startswith("omar may ask for prod-db and can never")
        assert not found.fatal

        assert await here.count(DBA, OLGA, asks=BACKEND) == []
        assert await here.count(DBA, "manager", asks=BACKEND) == []


async def test_many_who_are_stuck_are_not_all_named() -> None:
    """A sentence stays one."""
    async with office() as here:
        everybody = [DANA, MAYA, OMAR, OLGA]
        here.sandbox.admin.change_usergroup(DBA, users=everybody)
        [found] = await here.count(DBA, approvals=4, asks="anyone")

        assert found.message.startswith("dana, maya, olga and 1 more may ask for prod-db")


async def test_slack_is_away() -> None:
    """One finding, and no number that is a guess."""
    async with office() as here:
        fault = Fault("usergroups.list", FaultKind.STATUS, status=503, times=None)
        here.sandbox.faults.add(fault)
        [found] = await here.count(DBA)

        assert found.message.startswith("Approvers cannot be counted: usergroups.list")


async def test_a_large_group_is_not_walked_through() -> None:
    """No more people are looked at than are needed to know that there are enough."""
    async with office() as here:
        here.sandbox.admin.change_usergroup(DBA, users=[DANA, MAYA, OMAR, OLGA])
        await here.count(DBA)

        assert len(here.sandbox.traffic.calls("users.info")) == 2
