"""A workspace, a poster that talks to it over the wire, and rows for it to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from adapters.base import Effects
from bot.domain.people import Account
from bot.domain.policy import Channels, Policy, Provider, Resource
from bot.domain.principal import Principal, PrincipalKind
from bot.domain.record import AUDIT_LANE, Notice, NoticeKind, QueuedNotice, card_lane, person_lane
from bot.slack.callings import Callings
from bot.slack.calls import Calls
from bot.slack.client import open_client
from bot.slack.pace import Pace
from bot.slack.post import SlackPoster
from bot.slack.words import Words
from sandbox.server import SandboxServer
from tests.slack_render.gallery import CAPS, DANA, MAYA, OLGA, OMAR, START, Life

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.domain.grant import Grant, Task
    from bot.domain.record import SealedEvent
    from bot.engine.ports import Delivered, Posting

APPROVALS, AUDIT = "C0APPROVE", "C0AUDIT"


@dataclass
class Rows:
    """One grant's rows, as the engine's reading gives them."""

    life: Life
    kept: dict[str, Posting] = field(default_factory=dict)

    async def grant(self, grant_id: str) -> Grant | None:
        return self.life.grant if grant_id == self.life.grant.id else None

    async def event(self, seq: int) -> SealedEvent | None:
        return next((event for event in self.life.events if event.seq == seq), None)

    async def events(self, grant_id: str) -> list[SealedEvent]:
        assert grant_id == self.life.grant.id
        return list(self.life.events)

    async def postings(self, grant_id: str) -> list[Posting]:
        assert grant_id == self.life.grant.id
        return list(self.kept.values())

    async def conversation(self, user: str) -> str | None:
        assert user == self.life.grant.requester
        return next((one.channel for one in self.kept.values() if one.role[:3] == "dm_"), None)

    def effects(self, grant: Grant) -> Effects:
        assert grant.id == self.life.grant.id
        return Effects("a login for this grant alone", CAPS)

    def task(self, grant: Grant, task: Task) -> str:
        return f"{task.value} curfew-{grant.id}"

    def cleanup(self, grant: Grant) -> str:
        return f"DROP ROLE curfew_{grant.id};"


@dataclass
class Folk:
    """A directory of the people of the sandbox."""

    async def account(self, user: str) -> Account:
        names = {DANA: "Dana", MAYA: "Maya", OMAR: "Omar", OLGA: "Olga"}
        return Account(user, f"{names[user].lower()}@example.com", names[user], manager=MAYA)

    async def find(self, email: str) -> Account | None:
        return await self.account(MAYA) if email == "maya@example.com" else None


@dataclass
class Figures:
    """Counts what Slack refused."""

    errors: Counter[tuple[str, str]] = field(default_factory=Counter)

    def observe_provider_call(self, provider: str, verb: str, outcome: str, seconds: float) -> None:
        """Not looked at here."""

    def observe_lateness(self, seconds: float) -> None:
        """Not looked at here."""

    def observe_ack(self, kind: str, seconds: float) -> None:
        """Not looked at here."""

    def count_slack_error(self, method: str, code: str) -> None:
        self.errors[method, code] += 1


@dataclass
class Rules:
    """The policy in force."""

    current: Policy


def rules() -> Rules:
    provider = Provider("orders-pg", "postgres", {})
    prod = Resource(
        name="prod-db",
        provider=provider,
        grant={"roles": ["app_readonly"]},
        requesters=(Principal(PrincipalKind.ANYONE),),
        approvers=(Principal(PrincipalKind.USER_GROUP, "S0DBA"),),
        about="Orders database, read only",
    )
    return Rules(
        Policy(
            channels=Channels(APPROVALS, AUDIT),
            providers={"orders-pg": provider},
            resources={"prod-db": prod},
            admins=(Principal(PrincipalKind.USER, OLGA),),
        )
    )


@dataclass
class Office:
    """Delivers notices the way the outbox does: what is delivered is remembered."""

    sandbox: SandboxServer
    calls: Calls
    poster: SlackPoster
    figures: Figures
    rules: Rules
    number: int = 0

    def open(self, life: Life) -> Rows:
        rows = Rows(life)
        self.poster.attach(rows)
        return rows

    def notice(self, life: Life, kind: NoticeKind, **data: object) -> QueuedNotice:
        """A notice as if read from disk for the first time."""
        self.number += 1
        lane = card_lane(life.grant.id)
        if kind is NoticeKind.AUDIT_LINE:
            lane = AUDIT_LANE
        elif kind.value.startswith("dm_"):
            lane = person_lane(life.grant.requester)
        # The sandbox's clock is the wall's: notices are as old as what is posted.
        told = Notice(lane, kind, life.grant.id, data)
        return QueuedNotice(self.number, told, START, attempts=0, unsure=False, token="t")

    async def tell(self, rows: Rows, notice: QueuedNotice) -> Delivered:
        delivered = await self.poster.deliver(notice, START)
        for posting in delivered.postings:
            rows.kept[posting.role] = posting
        return delivered


def again(notice: QueuedNotice) -> QueuedNotice:
    """The same notice after an attempt of unknown outcome."""
    return replace(notice, attempts=notice.attempts + 1, unsure=True)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the machine that the tests run on are none of their business."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    figures, policy = Figures(), rules()
    async with SandboxServer() as sandbox, open_client(sandbox.bot_token, sandbox.api_url) as web:
        calls = Calls(web, figures, Pace(rate=1_000, burst=1_000))
        poster = SlackPoster(calls, policy, Callings(Folk()), Words())
        yield Office(sandbox, calls, poster, figures, policy)
