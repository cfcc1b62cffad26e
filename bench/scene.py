"""What benchmarks share: a provider of constant latency, people, and grants by the thousand."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar, TypeVar

from adapters.base import Adapter, Caps, GrantParams, Order, Presence, ProviderSettings
from bot.config.audit_key import load_or_make
from bot.domain.acts import Ask, Confirm, Role, Vote
from bot.domain.grant import Grant, Kind, Recipient, Terms, altered, new_id
from bot.domain.grant import Order as GrantOrder
from bot.domain.machine import open_grant, step
from bot.domain.people import Account
from bot.domain.policy import Channels, Policy, Provider, Resource
from bot.domain.principal import Principal, PrincipalKind
from bot.domain.record import QueuedNotice
from bot.engine.engine import Engine
from bot.engine.ports import Delivered
from bot.engine.proving import Witness
from bot.storage import store
from bot.storage.database import Database

T = TypeVar("T")

LATENCY = 0.020
"""Seconds that each provider call takes."""


class SleepyParams(GrantParams):
    """Nothing to say."""


@dataclass
class Ends:
    """What the provider saw of revokes: when, and for which grant."""

    at: dict[str, list[float]] = field(default_factory=dict)


class SleepyAdapter(Adapter):
    """A provider that answers everything after the same time and remembers what it was asked."""

    kind: ClassVar[str] = "sleepy"
    capabilities: Caps = Caps.PER_GRANT | Caps.LISTS_OWNED
    Params: ClassVar[type[GrantParams]] = SleepyParams

    def __init__(self, name: str, *, latency: float = LATENCY) -> None:
        super().__init__(name, ProviderSettings())
        self.latency = latency
        self.gone: set[str] = set()
        self.ends = Ends()
        self.there: set[str] = set()

    async def _probe(self) -> list[str]:
        return []

    async def _grant(self, order: Order) -> None:
        self.there.add(order.grant_id)
        await asyncio.sleep(self.latency)

    async def _revoke(self, order: Order) -> None:
        await asyncio.sleep(self.latency)
        self.gone.add(order.grant_id)
        self.ends.at.setdefault(order.grant_id, []).append(time.time())

    async def _verify(self, order: Order) -> Presence:
        await asyncio.sleep(self.latency)
        return Presence.ABSENT if order.grant_id in self.gone else Presence.PRESENT

    async def _owned(self) -> frozenset[str]:
        return frozenset(self.there - self.gone)


class Nobody:
    """A directory in which everybody is a member."""

    async def account(self, user: str) -> Account:
        return Account(user, f"{user.lower()}@example.com", user)

    async def find(self, email: str) -> Account | None:
        del email
        return None


class Sink:
    """A poster that is always done."""

    async def deliver(self, notice: QueuedNotice, now: datetime) -> Delivered:
        del notice, now
        return Delivered()


class Quiet:
    """A meter that keeps how late each end was."""

    def __init__(self) -> None:
        self.lateness: list[float] = []

    def observe_provider_call(self, *args: object) -> None:
        """Not wanted here."""

    def observe_lateness(self, seconds: float) -> None:
        self.lateness.append(seconds)

    def observe_ack(self, *args: object) -> None:
        """Not wanted here."""

    def count_slack_error(self, *args: object) -> None:
        """Not wanted here."""


@dataclass
class Rules:
    current: Policy


def policy_of(provider: str) -> Policy:
    at = Provider(provider, "sleepy", {})
    anyone = (Principal(PrincipalKind.ANYONE),)
    lab = Resource(name="lab", provider=at, grant={}, requesters=anyone, approvers=anyone)
    return Policy(channels=Channels("C1", "C2"), providers={provider: at}, resources={"lab": lab})


def asking(who: str, decide_by: datetime, *, provider: str = "sleepy") -> Ask:
    """A request as people make them."""
    return Ask(
        actor=who,
        role=Role.REQUESTER,
        grant_id=new_id(),
        resource="lab",
        reason="a reason of usual length, with a ticket: INC-12345",
        duration=timedelta(minutes=30),
        kind=Kind.STANDARD,
        order=GrantOrder(provider, "sleepy", {}, Recipient(who, f"{who}@example.com")),
        terms=Terms(1, timedelta(hours=4), timedelta(0), timedelta(0), 1),
        policy_hash="bench",
        decide_by=decide_by,
    )


def grants(count: int, due: datetime, *, provider: str = "sleepy") -> list[Grant]:
    """Active grants that all end at `due`, or some microseconds before: no two began at once."""
    made = []
    for number in range(count):
        begun = due - timedelta(minutes=30, microseconds=count - number)
        grant = open_grant(asking(f"U{number:07}", due, provider=provider), begun).grant
        vote = Vote(actor="U0MAYA", role=Role.APPROVER)
        grant = step(grant, vote, begun).grant
        confirm = Confirm(actor="worker", role=Role.WORKER, native_end=None)
        made.append(altered(step(grant, confirm, begun).grant, version=1))
    return made


async def fill(database: Database, rows: list[Grant]) -> None:
    for at in range(0, len(rows), 500):
        part = rows[at : at + 500]
        await database.write(lambda conn, part=part: [store.insert_grant(conn, g) for g in part])


@asynccontextmanager
async def engine(
    database: Database, adapter: Adapter, *, calls: int, per_provider: int
) -> AsyncIterator[tuple[Engine, Quiet]]:
    """A running engine over a database."""
    quiet = Quiet()
    with tempfile.TemporaryDirectory() as folder:
        key = load_or_make(Path(folder) / "key")
        witness = Witness(Path(folder) / "witness")
        made = Engine(
            database,
            Rules(policy_of(adapter.name)),
            Nobody(),
            {adapter.name: adapter},
            Sink(),
            quiet,
            key,
            witness,
            calls_at_once=calls,
            calls_per_provider=per_provider,
        )
        yield made, quiet
        await made.stop()


class Heartbeat:
    """The longest overrun of a 10 ms sleep: how long the event loop was held."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, time.perf_counter() - began - 0.01)


def resident_mib() -> float:
    """The resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@contextmanager
def database_urls(names: list[str]) -> Iterator[dict[str, str]]:
    """Fresh databases, by name: `sqlite`, `postgresql`."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        urls = {}
        server = None
        if "sqlite" in names:
            urls["sqlite"] = f"sqlite+aiosqlite:///{folder}/bench.db"
        if "postgresql" in names:
            # The sandbox is no part of a bot: its memory is only taken where it is needed.
            from sandbox.postgres import EmbeddedPostgres  # noqa: PLC0415

            server = EmbeddedPostgres(Path(tempfile.mkdtemp()), durable=True)
            server.start()
            urls["postgresql"] = server.dsn()
        try:
            yield urls
        finally:
            if server is not None:
                server.remove()


def apart(work: Callable[..., T], *args: object) -> T:
    """Run it in a fresh process, so that memory and collections are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args).result()
