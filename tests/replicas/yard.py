"""What several replicas share and what outlives them: provider, messages, rows.

The yard is the provider's and Slack's side, over HTTP, in the test's own process. It can be slow,
and it remembers who asked for what and when.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.domain.command import Ask
from bot.domain.grant import OPERATIONAL, Grant, State, new_id
from bot.domain.replay import replay
from bot.engine.engine import Engine
from bot.engine.verifying import prove
from bot.storage import store
from bot.storage.database import Database
from tests.measured import MEASURED
from tests.replicas.program import engine

ROOT = Path(__file__).parents[2]
GLANCE = 0.02
ASKING_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that arrived. `at` is monotonic seconds."""

    verb: str
    mark: str
    replica: str
    at: float


@dataclass(slots=True)
class Yard:
    """The provider and the wire. `pause` is how long each answer takes, by verb."""

    there: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    told: list[dict[str, object]] = field(default_factory=list)
    pause: dict[str, float] = field(default_factory=dict)
    url: str = ""
    traps: dict[str, Callable[[str], None]] = field(default_factory=dict)
    """What happens, once, `before` or `after` the yard did something: `after grant`. It is told
    the replica that asked."""
    untold: list[int] = field(default_factory=list)
    """Notices whose telling was met by a trap."""

    def _spring(self, moment: str, replica: str) -> bool:
        trap = self.traps.pop(moment, None)
        if trap is not None:
            trap(replica)
        return trap is not None

    async def on_call(self, request: web.Request) -> web.Response:
        said = await request.json()
        verb, mark = said["verb"], said["mark"]
        self.asked.append(Asked(verb, mark, said["replica"], time.monotonic()))
        if self._spring(f"before {verb}", said["replica"]):
            raise web.HTTPServiceUnavailable
        if verb == "grant":
            self.there.add(mark)
        elif verb == "revoke":
            self.there.discard(mark)
        self._spring(f"after {verb}", said["replica"])
        present, marks = mark in self.there, sorted(self.there)
        await asyncio.sleep(self.pause.get(verb, 0.0))
        return web.json_response({"present": present, "marks": marks})

    async def on_told(self, request: web.Request) -> web.Response:
        said = await request.json()
        if self._spring("before telling", said["replica"]):
            self.untold.append(said["id"])
            raise web.HTTPServiceUnavailable
        known = any(one["id"] == said["id"] for one in self.told)
        if not (said["unsure"] and known):
            self.told.append(said)
        self._spring("after telling", said["replica"])
        return web.json_response({})

    def of(self, verb: str) -> list[Asked]:
        return [one for one in self.asked if one.verb == verb]

    def by(self, replica: str, verb: str) -> list[Asked]:
        return [one for one in self.asked if (one.replica, one.verb) == (replica, verb)]


@dataclass(slots=True)
class Replica:
    """One process."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def ready(self) -> None:
        """Returns when it works. Ten that start at once on two cores have some patience."""
        assert self.process.stdout is not None
        async with asyncio.timeout(100):
            said = await self.process.stdout.readline()
        assert said == b"ready\n", self.log.read_text()[-3000:]


@dataclass(slots=True)
class Place:
    """The yard, the database seen from outside, and the replicas at work."""

    yard: Yard
    url: str
    folder: Path
    stack: AsyncExitStack
    database: Database = field(init=False)
    office: Engine = field(init=False)
    """An engine that is never started: people act through its service, replicas do the work."""
    replicas: list[Replica] = field(default_factory=list)

    async def open(self) -> None:
        """Look at the database, whose tables are there by now."""
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        self.database = await self.stack.enter_async_context(await Database.open(self.url))
        self.office = engine(self.database, self.yard.url, session, self.folder, "office")

    async def another(self, name: str) -> Engine:
        """A second office, with connections of its own."""
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        database = await self.stack.enter_async_context(await Database.open(self.url))
        return engine(database, self.yard.url, session, self.folder, name)

    async def close(self) -> None:
        """Look no more."""
        await self.database.close()

    async def begin(
        self,
        name: str,
        *,
        url: str | None = None,
        environ: dict[str, str] | None = None,
        **more: str,
    ) -> Replica:
        """A new replica; not yet ready when this returns."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.replicas.program",
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=sink,
                env={"PATH": os.environ["PATH"], **MEASURED, **(environ or {})},
            )
        said = {
            "name": name,
            "database": url or self.url,
            "yard": self.yard.url,
            "folder": str(self.folder),
            **more,
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(said).encode() + b"\n")
        made = Replica(name, process, log)
        self.replicas.append(made)
        return made

    async def begin_all(self, *names: str) -> list[Replica]:
        """Several at once, all ready."""
        made = [await self.begin(name) for name in names]
        await asyncio.gather(*(one.ready() for one in made))
        return made

    async def asked(self, count: int, length: timedelta) -> list[Grant]:
        """So many people ask."""
        words = Ask(resource="lab", reason="a reason of usual length", duration=length)
        ask, made = self.office.service.ask, []
        for begin in range(0, count, ASKING_AT_ONCE):
            numbers = range(begin, min(begin + ASKING_AT_ONCE, count))
            people = (f"U{new_id().upper()}{number}" for number in numbers)
            made += await asyncio.gather(*(ask(person, words) for person in people))
        return made

    async def grants(self, count: int, length: timedelta) -> list[Grant]:
        """So many people ask and are approved."""
        vote = self.office.service.vote
        return [await vote("UMAYA", grant.id) for grant in await self.asked(count, length)]

    async def active(self, count: int, length: timedelta) -> list[Grant]:
        """So many people more have access."""
        made = await self.grants(count, length)
        await self.until(State.ACTIVE, count, within=20)
        return made

    async def rows(self) -> list[Grant]:
        return await self.database.read(lambda conn: store.list_grants(conn, limit=500))

    async def wait(self, met: Callable[[], bool], within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while not met():  # noqa: ASYNC110 - the yard has no bell
                await asyncio.sleep(GLANCE)

    async def end_all(self) -> None:
        """Everything is to be taken away, in one transaction."""
        ids = await self.ids(State.ACTIVE)
        await self.office.operating.revoke(ids, operator="test", reason="")

    async def kinds(self) -> Counter[str]:
        """How many lines of each kind the log holds."""
        log = await self.database.read(lambda conn: store.events_page(conn, 0, 100_000))
        return Counter(line.kind.value for line in log)

    async def ids(self, *states: State) -> list[str]:
        grants = await self.database.read(lambda c: store.list_grants(c, states=states, limit=500))
        return [grant.id for grant in grants]

    async def until(self, state: State, count: int, within: float) -> float:
        """The seconds until so many grants are in that state."""
        began = time.monotonic()
        while len(found := await self.ids(state)) < count:
            waited = time.monotonic() - began
            assert waited < within, f"{len(found)} of {count} {state} after {waited:.1f} s"
            await asyncio.sleep(GLANCE)
        return time.monotonic() - began

    async def told_all(self, within: float = 10.0) -> None:
        """Returns when nobody is left to be told."""
        async with asyncio.timeout(within):
            while (await self.database.read(store.notice_backlog))[0]:  # noqa: ASYNC110 - rows have no bell
                await asyncio.sleep(GLANCE)

    async def check(self) -> None:
        """What holds at the end, whatever happened: nothing lost, nothing twice, a whole log."""
        proof = await prove(self.database)
        assert proof.fault is None, proof.fault
        log = await self.database.read(lambda conn: store.events_page(conn, 0, 100_000))
        for grant in await self.rows():
            own = [line for line in log if line.grant_id == grant.id]
            again = replay(own)
            kinds = Counter(line.kind.value for line in own)
            for name in grant.__struct_fields__:
                if name not in OPERATIONAL:
                    assert getattr(again, name) == getattr(grant, name), name
            assert grant.state is State.ENDED
            assert kinds["grant.started"] == kinds["grant.ended"] == 1, kinds
        assert not self.yard.there
        twice = [key for key, n in Counter(one["id"] for one in self.yard.told).items() if n > 1]
        assert not twice


@asynccontextmanager
async def place(url: str, folder: Path, *, made: bool = True) -> AsyncIterator[Place]:
    """A yard over a database, no replica yet. Unless `made`, the tables are for them to make."""
    yard = Yard()
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_post("/provider", yard.on_call)
        app.router.add_post("/told", yard.on_told)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        [address] = runner.addresses
        yard.url = f"http://127.0.0.1:{address[1]}"
        here = Place(yard, url, folder, stack)
        if made:
            await here.open()
        try:
            yield here
        finally:
            for one in here.replicas:
                one.send(signal.SIGCONT)
                one.send(signal.SIGKILL)
                await one.process.wait()
