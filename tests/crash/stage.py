"""Where a story is played with a bot that dies: Slack, the protected database, the people.

All of these live in the test's own process or in servers of their own, and so outlive the bot. The
bot is one process at a time; when it dies, it is started again, as an init system would.
"""

import asyncio
import itertools
import multiprocessing
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final, TypeVar

import psycopg

from bot.demo.shop import Shop
from bot.storage.database import Database
from bot.storage.errors import StorageError
from sandbox import Player, SandboxServer, read_manifest
from sandbox.seed import DANA, MAYA
from sandbox.wire import RefusedActError
from tests.crash.program import KILLED, Fate, Orders, live

T = TypeVar("T")

MANIFEST: Final = Path(__file__).parents[2] / "manifest.yml"
PATIENCE: Final = 30.0
"""Seconds without a death within which the next thing of a story has to come about."""

GLANCE: Final = 0.02

DIED: Final = frozenset({KILLED, -signal.SIGKILL, -signal.SIGUSR1})
"""At a point, by us, or told of the time before it had learned to listen."""

POLICY: Final = """\
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
admins: [S0OPS]
groups: {backend: [S0BACKEND], dba: [S0DBA]}
providers:
  orders-pg: {adapter: postgres, dsn: "${DEMO_ADMIN_DSN}"}
resources:
  prod-db:
    provider: orders-pg
    grant: {roles: [app_readonly], database: orders}
    requesters: [group:backend]
    approvers: [group:dba]
"""


def nursery() -> ForkServerContext:
    """Where processes come from: one that has loaded the bot once, and forks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.program", "adapters.postgres"])
    return context


@dataclass(slots=True)
class Stage:
    """One workspace, one database of the bot, one bot at a time."""

    sandbox: SandboxServer
    database: Database
    shop: Shop
    orders: Orders
    context: ForkServerContext
    died: frozenset[int] = DIED
    """Exit codes after which it is started again."""
    starts: int = 0
    deaths: list[int] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """What came of each act of the people."""
    _fates: Iterator[Fate] = field(default_factory=lambda: iter(()))
    _fate: Fate = field(default_factory=Fate)
    _process: ForkServerProcess | None = None
    _keeper: asyncio.Task[None] | None = None
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def dana(self) -> Player:
        return self.sandbox.person(DANA)

    @property
    def maya(self) -> Player:
        return self.sandbox.person(MAYA)

    # --- the bot's process --------------------------------------------------------------------

    async def begin(self, *fates: Fate) -> None:
        """Start the bot: its first process with the first fate, and so on; the last one stays.

        Returns when one stands long enough to be talked to.
        """
        self._fates = iter(fates)
        self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name="keeper")
        await self._connected()

    async def _connected(self) -> None:
        """Returns when the bot can be talked to."""
        while True:
            starts = self.starts
            try:
                await self.sandbox.connected(within=PATIENCE)
            except TimeoutError:
                if starts == self.starts:
                    raise AssertionError(f"the bot did not come up\n{self.account()}") from None
            else:
                return

    def _spawn(self) -> None:
        self._gone = asyncio.Event()
        self.starts += 1
        self._fate = next(self._fates, self._fate)
        points = self.orders.points.with_suffix(f".{self.starts}")
        orders = replace(self.orders, fate=self._fate, points=points)
        self._process = self.context.Process(target=live, args=(orders,), daemon=True)
        self._process.start()

    async def _keep(self) -> None:
        while True:
            process = self._process
            assert process is not None
            await _readable(process.sentinel)
            process.join()
            self.deaths.append(process.exitcode or 0)
            self._gone.set()
            if process.exitcode not in self.died:
                return  # told to stop, or it does not come up at all
            self._spawn()

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Stop the bot in an orderly way, and wait for it."""
        if self._keeper is None or self._process is None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(12):
                await self._keeper
        except TimeoutError:
            self._keeper.cancel()
            self.kill()

    def pass_time(self, length: timedelta) -> None:
        """Move the bot's clock and Slack's, for this process and the next ones."""
        before = float(self.orders.clock.read_text())
        fresh = self.orders.clock.with_suffix(".new")
        fresh.write_text(str(before + length.total_seconds()))
        fresh.replace(self.orders.clock)
        self.sandbox.advance(length.total_seconds())
        self.database.clock.offset += length
        process = self._process
        if process is not None and process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGUSR1)

    # --- people -------------------------------------------------------------------------------

    async def until(
        self,
        found: Callable[[], Awaitable[T | None]],
        what: str,
        *,
        meanwhile: timedelta = timedelta(0),
        within: float = PATIENCE,
    ) -> T:
        """What there is to be found, as soon as it is there; every second so much time passes.

        What a dead bot held or had under way is waited for: a lease, a call that may still land.
        """
        for glance in self._patience(within):
            if (there := await _seen(found)) is not None:
                return there
            if meanwhile and glance % round(1 / GLANCE) == 0:
                self.pass_time(meanwhile)
            await asyncio.sleep(GLANCE)
        raise AssertionError(f"{what} never came about\n{self.account()}")

    def _patience(self, within: float = PATIENCE) -> Iterator[int]:
        """Counts from 1 until the time is up, which begins anew with each death."""
        starts, begun = self.starts, time.monotonic()
        for glance in itertools.count(1):
            if time.monotonic() - begun > within:
                return
            yield glance
            if starts != self.starts:
                starts, begun = self.starts, time.monotonic()

    async def insist(
        self, act: Callable[[], Awaitable[object]], found: Callable[[], Awaitable[T | None]]
    ) -> T:
        """Act as people do: again when it came to nothing and the bot was away meanwhile."""
        for _ in self._patience():
            if (there := await _seen(found)) is not None:
                return there
            await self._connected()
            gone = self._gone
            self.heard.append(await self._unless_gone(act(), gone))
            for _ in range(100):
                if (there := await _seen(found)) is not None:
                    return there
                if gone.is_set():
                    break
                await asyncio.sleep(GLANCE)
        name = getattr(act, "__qualname__", "act")
        raise AssertionError(f"{name} came to nothing\n{self.account()}")

    @staticmethod
    async def _unless_gone(act: Awaitable[object], gone: asyncio.Event) -> str:
        """The act to its end, or given up when the bot dies. A button may be gone by then."""
        acting = asyncio.ensure_future(act)
        waiting = asyncio.ensure_future(gone.wait())
        await asyncio.wait({acting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not acting.done():
            acting.cancel()
        try:
            return repr(await acting)
        except (RefusedActError, TimeoutError, psycopg.Error, asyncio.CancelledError) as error:
            return repr(error)

    def account(self) -> str:
        """What a failure should show: how often it died, where, and the end of its log."""
        lists = [self.orders.points.with_suffix(f".{n + 1}") for n in range(self.starts)]
        ends = [f"{path.suffix} {_last(path)}" for path in lists if path.exists()]
        said = self.orders.log.read_text(errors="replace") if self.orders.log.exists() else ""
        heard = [line[:300] for line in self.heard[-5:]]
        return "\n".join([f"exits {self.deaths}", *ends, *heard, said[-4000:]])


async def _seen(found: Callable[[], Awaitable[T | None]]) -> T | None:
    """What is there; nothing while the database is away."""
    try:
        return await found()
    except StorageError:
        return None


def _last(path: Path) -> str:
    lines = path.read_text().splitlines()
    return lines[-1] if lines else "no point"


async def _readable(handle: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(handle, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(handle)


@asynccontextmanager
async def stage(
    url: str, folder: Path, shop: Shop, context: ForkServerContext
) -> AsyncIterator[Stage]:
    """An empty stage over a fresh database with all tables."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(SandboxServer(manifest=read_manifest(MANIFEST)))
        database = await stack.enter_async_context(await Database.open(url))
        place = folder / secrets.token_hex(4)
        place.mkdir()
        (place / "policy.yml").write_text(POLICY)
        (place / "policy.yml").chmod(0o600)
        (place / "clock").write_text("0")
        environ = {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_APP_TOKEN": sandbox.app_token,
            "SLACK_API_URL": sandbox.api_url,
            "CURFEW_POLICY": str(place / "policy.yml"),
            "CURFEW_AUDIT_KEY": str(place / "audit.key"),
            "CURFEW_PORT": "0",
            "CURFEW_LOG_FORMAT": "console",
            "DATABASE_URL": url,
            "DEMO_ADMIN_DSN": shop.admin_dsn,
        }
        orders = Orders(environ, place / "points.0", place / "clock", place / "log")
        here = Stage(sandbox, database, shop, orders, context)
        try:
            yield here
        finally:
            await here.end()
