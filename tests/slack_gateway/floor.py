"""The whole way from a person in the sandbox to the engine and back, over HTTP or Socket Mode.

Everything is real: the sandbox speaks Slack's protocol over loopback, the gateway, the engine, the
poster and the database are those of the bot; the provider is the demo's.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.demo import DemoAdapter, World, world_of
from bot.config.audit_key import load_or_make
from bot.domain.grant import State
from bot.domain.policy import Channels, ExtendRule, Policy, Provider, ReasonRule, Resource
from bot.domain.principal import parse_principal
from bot.engine.engine import Engine
from bot.engine.proving import Witness
from bot.slack.callings import Callings
from bot.slack.calls import Calls
from bot.slack.client import open_client
from bot.slack.connection import Connections
from bot.slack.desk import Desk
from bot.slack.endpoint import Endpoint
from bot.slack.gateway import Gateway
from bot.slack.home_tab import HomeTab
from bot.slack.pace import Pace
from bot.slack.people import People
from bot.slack.post import SlackPoster
from bot.slack.words import Words
from bot.slack.workspace import Workspace
from bot.storage import store
from sandbox import SandboxServer
from sandbox.manifest import read_manifest
from sandbox.player import text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, MAYA, OMAR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.domain.grant import Grant
    from bot.domain.principal import Principal
    from bot.storage.database import Database
    from sandbox.player import Player

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
MINUTE = timedelta(minutes=1)


def who(*words: str) -> tuple[Principal, ...]:
    found = [parse_principal(word) for word in words]
    assert None not in found, words
    return tuple(one for one in found if one is not None)


def policy_of(provider: str, **changes: object) -> Policy:
    """`prod-db` for Dana, decided on by the database owners; `vault` needs two and a number."""
    at = Provider(provider, "demo", {})
    plain = Resource(
        name="prod-db",
        about="Orders database, read only",
        provider=at,
        grant={"level": "read"},
        requesters=who("U0DANA", "omar@example.com"),
        approvers=who("S0DBA"),
        extend=ExtendRule(1),
    )
    plain = replace(plain, **changes)  # type: ignore[arg-type] # the test names real fields
    strict = replace(
        plain,
        name="vault",
        approvals=2,
        max_duration=timedelta(hours=1),
        reason=ReasonRule(20, "INC-[0-9]+"),
        approvers=who("@dba", "olga@example.com"),
    )
    return Policy(
        channels=Channels(APPROVALS, AUDIT),
        providers={provider: at},
        resources={"prod-db": plain, "vault": strict},
        admins=who("S0OPS"),
    )


@dataclass
class Rules:
    """The policy in force."""

    current: Policy


@dataclass
class Figures:
    """A meter that keeps what it was told."""

    acks: list[tuple[str, float]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def observe_provider_call(self, provider: str, verb: str, outcome: str, seconds: float) -> None:
        del provider, verb, outcome, seconds

    def observe_lateness(self, seconds: float) -> None:
        del seconds

    def observe_ack(self, kind: str, seconds: float) -> None:
        self.acks.append((kind, seconds))

    def count_slack_error(self, method: str, code: str) -> None:
        self.errors.append((method, code))


@dataclass
class Floor:
    """Everything together, with the people's hands and eyes."""

    sandbox: SandboxServer
    engine: Engine
    database: Database
    world: World
    rules: Rules
    figures: Figures
    desk: Desk
    gateway: Gateway
    connections: Connections | None

    @property
    def dana(self) -> Player:
        return self.sandbox.person(DANA)

    @property
    def maya(self) -> Player:
        return self.sandbox.person(MAYA)

    @property
    def omar(self) -> Player:
        return self.sandbox.person(OMAR)

    async def grants(self) -> list[Grant]:
        return await self.database.read(lambda conn: store.list_grants(conn, limit=50))

    async def only(self) -> Grant:
        [grant] = await self.grants()
        return grant

    async def until(self, state: State) -> Grant:
        """Wait for the only grant to get there; the engine works by itself."""
        async with asyncio.timeout(5.0):
            # Rows give no event to wait for.
            while (grant := await self.only()).state is not state:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        return grant

    async def active(self) -> Grant:
        """Dana's grant, asked for, approved and given."""
        await self.dana.command("/access prod-db 30m fix the stuck order")
        grant = await self.only()
        await self.engine.service.vote(MAYA, grant.id)
        return await self.until(State.ACTIVE)

    async def moved(self, before: Grant) -> Grant:
        """Wait until the end is another than it was."""
        async with asyncio.timeout(5.0):
            while (grant := await self.only()).expires_at == before.expires_at:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        return grant

    @property
    def sandbox_dm(self) -> str:
        """Dana's own conversation with the bot."""
        return self.sandbox.workspace.dm_with(DANA).id

    def answers_to(self, player: Player) -> Callable[[str], Awaitable[str]]:
        """What somebody's lines are answered with, as text."""

        async def say(line: str) -> str:
            said = await player.command(line)
            return text_of(said["response"])

        return say

    def offer(self, like: Resource, count: int) -> None:
        """A policy with so many resources is in force."""
        made = {f"db-{number}": replace(like, name=f"db-{number}") for number in range(count)}
        self.rules.current = replace(self.rules.current, resources=made)

    def drop(self, name: str) -> None:
        """A policy without that resource is in force."""
        left = {key: one for key, one in self.rules.current.resources.items() if key != name}
        self.rules.current = replace(self.rules.current, resources=left)

    async def kinds(self) -> list[str]:
        """The kinds of all events in the log."""
        page = await self.database.read(lambda conn: store.events_page(conn, 0, 1_000))
        return [event.kind.value for event in page]


@asynccontextmanager
async def floor(
    database: Database,
    road: str = "http",
    *,
    kind: type[DemoAdapter] = DemoAdapter,
    **changes: object,
) -> AsyncIterator[Floor]:
    """A bot at work; `road` is `http` or `socket`, `changes` are those of `prod-db`."""
    provider = f"pg-{secrets.token_hex(4)}"
    world = world_of(provider)
    world.clock = database.clock.now
    rules, figures, words = Rules(policy_of(provider, **changes)), Figures(), Words()
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(SandboxServer(manifest=read_manifest(MANIFEST)))
        client = await stack.enter_async_context(open_client(sandbox.bot_token, sandbox.api_url))
        workspace = Workspace(client)
        people = People(client, workspace, rules)
        stack.push_async_callback(people.close)
        calls = Calls(client, figures, Pace(rate=200.0, burst=200))
        poster = SlackPoster(calls, rules, Callings(people, people.group_of), words)
        adapter = kind(provider, kind.Settings(), call_limit=2.0)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        key, witness = load_or_make(folder / "audit.key"), Witness(folder / "checkpoint")
        engine = Engine(database, rules, people, {provider: adapter}, poster, figures, key, witness)
        poster.attach(engine.reading)
        desk = Desk(
            engine.service,
            engine.reading,
            rules,
            people,
            workspace,
            client,
            words,
            now=database.clock.now,
        )
        home = HomeTab(client, engine.reading, words, figures)
        engine.changed(home.changed)
        stack.push_async_callback(home.close)
        gateway = Gateway(desk, opened_home=home.show, observe_ack=figures.observe_ack)
        stack.push_async_callback(gateway.stop)
        await engine.start()
        stack.push_async_callback(engine.stop)
        connections = None
        if road == "socket":
            connections = Connections(sandbox.app_token, client, gateway.dispatch)
            await connections.start()
            stack.push_async_callback(connections.stop)
            await sandbox.connected(connections=2)
        else:
            sandbox.delivery.request_url = await serve(
                stack, Endpoint(sandbox.signing_secret, gateway.dispatch)
            )
        yield Floor(sandbox, engine, database, world, rules, figures, desk, gateway, connections)


async def serve(stack: AsyncExitStack, endpoint: Endpoint) -> str:
    """The URL of a server with that endpoint, open until the stack closes."""
    app = web.Application()
    app.router.add_post("/slack/events", endpoint.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [address] = runner.addresses
    return f"http://127.0.0.1:{address[1]}/slack/events"
