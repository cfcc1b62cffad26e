"""One replica: the real engine on the shared PostgreSQL, its provider and its Slack over HTTP.

Both stand in the test's own process, which counts what it is asked and outlives every replica.
Reduced to what replicas share: no sockets to Slack, no policy file; the engine, the ledger, the
outbox and the storage are those of the bot. Configured by one line of JSON on standard input.
"""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import aiohttp
import structlog

from adapters.base import (
    Adapter,
    Caps,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    UnreachableError,
)
from bot.config.audit_key import load_or_make
from bot.domain.people import Account
from bot.domain.policy import Channels, Policy, Provider, Resource
from bot.domain.principal import Principal, PrincipalKind
from bot.domain.record import EventKind, QueuedNotice
from bot.engine.claims import Claim
from bot.engine.engine import Engine
from bot.engine.holding import Leases
from bot.engine.ports import Delivered, PostLaterError
from bot.engine.proving import Witness
from bot.observability.logs import configure_logs
from bot.storage.database import Database

YARD = "yard"


class YardParams(GrantParams):
    """Nothing to say."""


class YardAdapter(Adapter):
    """A provider behind HTTP. `settle` says that a call given up on may land a second later."""

    kind: ClassVar[str] = YARD
    capabilities: Caps = Caps.PER_GRANT | Caps.LISTS_OWNED
    settle: ClassVar[timedelta] = timedelta(seconds=1)
    Params: ClassVar[type[GrantParams]] = YardParams

    def __init__(self, name: str, url: str, web: aiohttp.ClientSession, replica: str) -> None:
        """`replica` is told with each call, so that the yard knows who asked."""
        super().__init__(name, ProviderSettings())
        self._url, self._web, self._replica = url, web, replica

    async def _probe(self) -> list[str]:
        return []

    async def _grant(self, order: Order) -> None:
        await self._ask("grant", order.grant_id)

    async def _revoke(self, order: Order) -> None:
        await self._ask("revoke", order.grant_id)

    async def _verify(self, order: Order) -> Presence:
        said = await self._ask("verify", order.grant_id)
        return Presence.PRESENT if said["present"] else Presence.ABSENT

    async def _owned(self) -> frozenset[str]:
        marks = (await self._ask("owned", "-"))["marks"]
        assert isinstance(marks, list)
        return frozenset(map(str, marks))

    async def _ask(self, verb: str, mark: str) -> dict[str, object]:
        asked = {"verb": verb, "mark": mark, "replica": self._replica}
        try:
            async with self._web.post(f"{self._url}/provider", json=asked) as answer:
                said: dict[str, object] = await answer.json()
                return said
        except aiohttp.ClientError as error:
            raise UnreachableError(type(error).__name__) from None


class Everybody:
    """A directory in which everybody is a member."""

    async def account(self, user: str) -> Account:
        return Account(user, f"{user.lower()}@example.com", user)

    async def find(self, email: str) -> Account | None:
        del email
        return None


@dataclass
class Wire:
    """A poster that hands everything to the yard. Found again by the notice's id, as in Slack."""

    url: str
    web: aiohttp.ClientSession
    replica: str

    async def deliver(self, notice: QueuedNotice, now: datetime) -> Delivered:
        del now
        about = notice.notice
        said = {
            "id": notice.id,
            "lane": about.lane,
            "kind": about.kind.value,
            "unsure": notice.unsure,
            "replica": self.replica,
        }
        try:
            async with self.web.post(f"{self.url}/told", json=said) as answer:
                await answer.read()
        except aiohttp.ClientError as error:
            raise PostLaterError(type(error).__name__, unsure=True) from None
        return Delivered()


class Silent:
    """A meter that nobody reads."""

    def observe_provider_call(self, provider: str, verb: str, outcome: str, seconds: float) -> None:
        """Nothing."""

    def observe_lateness(self, seconds: float) -> None:
        """Nothing."""

    def observe_ack(self, kind: str, seconds: float) -> None:
        """Nothing."""

    def count_slack_error(self, method: str, code: str) -> None:
        """Nothing."""


@dataclass
class Rules:
    """The policy in force."""

    current: Policy


def policy() -> Policy:
    """One resource behind the yard; anyone may ask, anyone else decides."""
    at = Provider(YARD, YARD, {})
    anyone = (Principal(PrincipalKind.ANYONE),)
    lab = Resource(name="lab", provider=at, grant={}, requesters=anyone, approvers=anyone)
    return Policy(channels=Channels("C1", "C2"), providers={YARD: at}, resources={"lab": lab})


def engine(
    database: Database, url: str, web: aiohttp.ClientSession, folder: Path, name: str
) -> Engine:
    """The engine of one replica, not yet started."""
    return Engine(
        database,
        Rules(policy()),
        Everybody(),
        {YARD: YardAdapter(YARD, url, web, name)},
        Wire(url, web, name),
        Silent(),
        load_or_make(folder / "audit.key"),
        Witness(folder / f"{name}.checkpoint"),
    )


def break_leases(length: timedelta) -> None:
    """The broken variant: leases of that length, never renewed. Tests have to ring with it."""
    Claim.__init__.__defaults__ = (length,)

    async def never(leases: Leases) -> None:
        del leases
        await asyncio.Event().wait()

    Leases.run = never  # type: ignore[method-assign] # as above


async def run(said: dict[str, str]) -> None:
    """Work until SIGTERM. Says "ready" on standard output."""
    # To standard error: nobody reads our standard output after its first line.
    configure_logs("INFO", "console")
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    if "lease" in said:
        break_leases(timedelta(seconds=float(said["lease"])))
    limit = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=limit) as web,
        await Database.open(said["database"], exclusive=True, migrate=True) as database,
    ):
        made = engine(database, said["yard"], web, Path(said["folder"]), said["name"])
        await made.start()
        await made.note(EventKind.BOT_STARTED, replica=said["name"])
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stopping.wait()
        await made.stop()


if __name__ == "__main__":
    # Standard output is for one word to the test, and nobody empties that pipe afterwards.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(run(json.loads(sys.stdin.readline())))
