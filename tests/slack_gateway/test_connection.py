"""Socket Mode: kept alive, watched, and closed without leaving anything behind."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from slack_bolt import BoltResponse

from bot.slack.client import open_client
from bot.slack.connection import Connections
from sandbox import SandboxServer
from sandbox.faults import Fault, FaultKind
from sandbox.manifest import read_manifest
from sandbox.player import text_of
from sandbox.seed import DANA
from tests.slack_gateway.floor import MANIFEST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox.socket_mode import Cut


@dataclass
class Line:
    """Our sockets, the workspace at their other end, and what came through."""

    sandbox: SandboxServer
    client: AsyncWebClient
    count: int
    came: list[tuple[dict[str, object], Mapping[str, str]]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    ahead: float = 0.0
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self.gate.set()
        self.connections = Connections(
            self.sandbox.app_token,
            self.client,
            self.dispatch,
            count=self.count,
            look_every=0.02,
            now=lambda: time.time() + self.ahead,
        )

    async def dispatch(
        self, body: dict[str, object], *, headers: Mapping[str, str]
    ) -> BoltResponse:
        self.came.append((body, headers))
        await self.gate.wait()
        return BoltResponse(status=200, body={"text": f"answer {len(self.came)}"})

    async def ask(self) -> str:
        said = await self.sandbox.person(DANA).command("/access help")
        return text_of(said["response"]) if said["ok"] else str(said["error"])


@asynccontextmanager
async def line(count: int = 2) -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(SandboxServer(manifest=read_manifest(MANIFEST)))
        client = await stack.enter_async_context(open_client(sandbox.bot_token, sandbox.api_url))
        here = Line(sandbox, client, count)
        stack.push_async_callback(here.connections.stop)
        yield here


async def test_connected_and_answered() -> None:
    """Both sockets come up; an envelope is acknowledged through the one that it came by."""
    async with line() as here:
        assert not here.connections.ready

        await here.connections.start()
        await here.sandbox.connected(connections=2)
        await here.sandbox.until(lambda: here.connections.up == 2)

        assert await here.ask() == "answer 1"


@pytest.mark.parametrize("cut", ["close", "refresh", "warning"])
async def test_slack_ends_a_connection(cut: Cut) -> None:
    """Closed or sent away by Slack, each is connected anew, and what comes is answered."""
    async with line() as here:
        await here.connections.start()
        await here.sandbox.connected(connections=2)
        opened = len(here.sandbox.traffic.calls("apps.connections.open"))
        await here.sandbox.hub.cut(cut)
        await here.sandbox.until(
            lambda: len(here.sandbox.traffic.calls("apps.connections.open")) >= opened + 2
        )
        await here.sandbox.until(lambda: here.connections.up == 2)

        assert (await here.ask()).startswith("answer")


async def test_out_of_touch() -> None:
    """A connection without a sign from Slack for a minute is thrown away for a new one."""
    async with line(count=1) as here:
        await here.connections.start()
        await here.sandbox.connected(connections=1)
        await here.ask()
        before = len(here.sandbox.traffic.calls("apps.connections.open"))
        here.ahead += 61
        await here.sandbox.until(
            lambda: len(here.sandbox.traffic.calls("apps.connections.open")) > before
        )
        await here.sandbox.until(lambda: here.connections.up == 1)

        assert await here.ask() == "answer 2"


async def test_slack_is_away_at_the_start() -> None:
    """Starting returns at once; nothing is ready until Slack lets us in."""
    async with line(count=1) as here:
        here.sandbox.faults.add(
            Fault("apps.connections.open", FaultKind.ERROR, times=None, error="invalid_auth")
        )
        await here.connections.start()
        await here.sandbox.until(lambda: here.sandbox.traffic.calls("apps.connections.open"))

        assert not here.connections.ready

        here.sandbox.faults.clear()
        here.ahead += 61
        await here.sandbox.connected(connections=1)
        await here.sandbox.until(lambda: here.connections.ready)


async def test_repeats_say_so() -> None:
    """Slack's count of deliveries reaches the gateway as the headers that HTTP has."""
    async with line(count=1) as here:
        await here.connections.start()
        await here.sandbox.connected(connections=1)
        here.sandbox.faults.add(Fault("deliver", FaultKind.LOSE))
        here.sandbox.events.home_opened(DANA, "home")
        await here.sandbox.until(lambda: here.sandbox.traffic.deliveries("events_api"))
        here.sandbox.advance(5)
        await here.sandbox.until(lambda: here.came, within=10)
        _, headers = here.came[0]

        assert headers["x-slack-retry-num"] == "1"


async def test_stopping_answers_first() -> None:
    """What came in before the stop is acknowledged; then nothing of ours is left running."""
    async with line() as here:
        await here.connections.start()
        await here.sandbox.connected(connections=2)
        others = asyncio.all_tasks()
        here.gate.clear()
        asked = asyncio.create_task(here.ask())
        await here.sandbox.until(lambda: here.came)
        stopping = asyncio.create_task(here.connections.stop())
        for _ in range(100):  # it has come as far as it can
            await asyncio.sleep(0)
        here.gate.set()
        await stopping

        assert await asked == "answer 1"
        assert here.connections.up == 0

        await here.sandbox.until(lambda: here.sandbox.hub.connections == 0)
        left = [task for task in asyncio.all_tasks() - others if task is not asyncio.current_task()]

        assert [task for task in left if "socket" in repr(task.get_coro())] == []
