"""An office to try the engine in: people, a policy, the demo provider and a poster that keeps all.

The engine, the ledger and the databases are the real ones; people and messages are at the ports.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from adapters.demo import DemoAdapter, World, world_of
from bot.config.audit_key import AuditKey, load_or_make
from bot.domain.chain import Verifier
from bot.domain.command import Ask
from bot.domain.errors import CurfewError
from bot.domain.grant import OPERATIONAL, Grant, State
from bot.domain.people import Account, Standing
from bot.domain.policy import Channels, ExtendRule, Policy, Provider, Resource
from bot.domain.principal import Principal, PrincipalKind
from bot.domain.record import QueuedNotice, SealedEvent
from bot.domain.replay import replay
from bot.engine.engine import Engine
from bot.engine.ports import Delivered, DirectoryError, Posting
from bot.engine.proving import Witness
from bot.storage import store
from bot.storage.database import Database

Trouble = Callable[[QueuedNotice], CurfewError | None]
MINUTE = timedelta(minutes=1)
DANA, MAYA, OMAR, OPS, GUEST = "U0DANA", "U0MAYA", "U0OMAR", "U0OPS", "U0GUEST"


@dataclass
class People:
    """A directory whose people can change between two looks, and that can be away."""

    accounts: dict[str, Account]
    away: bool = False

    async def account(self, user: str) -> Account:
        if self.away:
            raise DirectoryError("Slack is away")
        return self.accounts.get(user, Account(user, standing=Standing.STRANGER))

    async def find(self, email: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.email == email), None)


@dataclass
class Postbox:
    """A poster that keeps what it was given, in order; `trouble` is what a notice meets instead."""

    told: list[QueuedNotice] = field(default_factory=list)
    trouble: Trouble = field(default=lambda _: None)

    async def deliver(self, notice: QueuedNotice, now: datetime) -> Delivered:
        del now
        trouble = self.trouble(notice)
        if trouble is not None:
            raise trouble
        self.told.append(notice)
        about = notice.notice
        if about.grant_id is None or about.kind.value not in {"card", "dm_granted"}:
            return Delivered()
        return Delivered((Posting(about.grant_id, about.kind.value, "C1", str(notice.id), "x"),))


@dataclass
class Figures:
    """A meter that keeps what it was told."""

    lateness: list[float] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)

    def observe_provider_call(self, provider: str, verb: str, outcome: str, seconds: float) -> None:
        del seconds
        self.calls.append((provider, verb, outcome))

    def observe_lateness(self, seconds: float) -> None:
        self.lateness.append(seconds)

    def observe_ack(self, kind: str, seconds: float) -> None:
        raise AssertionError(f"the engine acks nothing: {kind} {seconds}")

    def count_slack_error(self, method: str, code: str) -> None:
        raise AssertionError(f"the engine does not talk to Slack: {method} {code}")


@dataclass
class Rules:
    """The policy in force."""

    current: Policy


def user(name: str) -> Principal:
    return Principal(PrincipalKind.USER, name)


def policy_of(provider: str, **changes: object) -> Policy:
    """One resource `lab` at the demo provider; `changes` are the resource's."""
    at = Provider(provider, "demo", {})
    lab = Resource(
        name="lab",
        provider=at,
        grant={"level": "read"},
        requesters=(user(DANA), user(OMAR)),
        approvers=(user(MAYA), user(OMAR)),
        extend=ExtendRule(1),
    )
    lab = replace(lab, **changes)  # type: ignore[arg-type] # the test names real fields
    return Policy(
        channels=Channels("C0APPROVE", "C0AUDIT"),
        providers={provider: at},
        resources={"lab": lab},
        admins=(user(OPS),),
    )


def people() -> People:
    names = {DANA: "Dana", MAYA: "Maya", OMAR: "Omar", OPS: "Ops"}
    accounts = {
        key: Account(key, f"{name.lower()}@example.com", name) for key, name in names.items()
    }
    accounts[GUEST] = Account(GUEST, "guest@example.com", "Guest", Standing.GUEST)
    return People(accounts)


@dataclass
class Office:
    """Everything together, with ways to look at it."""

    engine: Engine
    database: Database
    world: World
    people: People
    postbox: Postbox
    figures: Figures
    rules: Rules
    key: AuditKey
    skip_replay: bool = False

    async def ask(self, who: str = DANA, **said: object) -> Grant:
        words: dict[str, object] = {"resource": "lab", "reason": "fix the stuck order", **said}
        return await self.engine.service.ask(who, Ask(**words))  # type: ignore[arg-type] # as above

    async def grant(self, grant_id: str) -> Grant:
        found = await self.engine.reading.grant(grant_id)
        assert found is not None
        return found

    async def until(self, grant_id: str, state: State, within: float = 5.0) -> Grant:
        """Wait for a state; the engine works by itself."""
        async with asyncio.timeout(within):
            while (grant := await self.grant(grant_id)).state is not state:
                await self._turn()
        return grant

    async def wait(self, met: Callable[[], bool], within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while not met():
                await self._turn()

    @staticmethod
    async def _turn() -> None:
        await asyncio.sleep(0.01)

    def pass_time(self, length: timedelta) -> None:
        """Move the clock of the engine and of the provider, and let the engine look."""
        self.database.clock.offset += length
        self.engine.poke()

    async def log(self) -> list[SealedEvent]:
        return await self.database.read(lambda conn: store.events_page(conn, 0, 10_000))

    async def kinds(self, grant_id: str) -> list[str]:
        return [event.kind.value for event in await self.engine.reading.events(grant_id)]

    async def check(self) -> None:
        """The invariants that hold at every moment."""
        log, grants = await self.database.read(_everything)
        verifier = Verifier()
        for line in log:
            assert verifier.check(line.seq, line.body, line.hash, line.texts) is None
        for grant in grants.values():
            if self.skip_replay:
                break
            replayed = replay([line for line in log if line.grant_id == grant.id])
            for name in grant.__struct_fields__:
                if name not in OPERATIONAL:
                    assert getattr(replayed, name) == getattr(grant, name), name
            assert (grant.next_at is not None) == grant.state.live
            assert grant.requester not in grant.votes


def _everything(conn: Connection) -> tuple[list[SealedEvent], dict[str, Grant]]:
    """The log and the rows of one moment."""
    log = store.events_page(conn, 0, 10_000)
    return log, store.get_grants(conn, {line.grant_id for line in log if line.grant_id})


@asynccontextmanager
async def office(
    database: Database,
    *,
    provider: str = "playground",
    folder: Path | None = None,
    **changes: object,
) -> AsyncIterator[Office]:
    """An open office; the invariants are checked when it closes."""
    world = world_of(provider)
    world.clock = database.clock.now
    rules = Rules(policy_of(provider, **changes))
    adapter = DemoAdapter(provider, DemoAdapter.Settings(), call_limit=2.0)
    folk, postbox, figures = people(), Postbox(), Figures()
    own = Path(tempfile.mkdtemp(prefix="curfew-office-"))
    key = load_or_make((folder or own) / "audit.key")
    witness = Witness((folder or own) / "audit.key.checkpoint")
    engine = Engine(database, rules, folk, {provider: adapter}, postbox, figures, key, witness)
    await engine.start()
    try:
        here = Office(engine, database, world, folk, postbox, figures, rules, key)
        yield here
        await here.check()
    finally:
        await engine.stop()
        shutil.rmtree(own)
