"""The wake-up: what falls due between two ticks is met at its moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from adapters.demo import DemoAdapter, world_of
from bot.config.audit_key import load_or_make
from bot.domain.command import Ask
from bot.domain.grant import Grant, State
from bot.engine.claims import CLAIM
from bot.engine.engine import Engine, Rhythm
from bot.engine.proving import Witness
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, OMAR, Figures, Postbox, Rules, people, policy_of
from tests.storage.samples import make_grant, put

NEVER = timedelta(hours=1)


@asynccontextmanager
async def clockwork(database: Database, folder: Path) -> AsyncIterator[Engine]:
    """An engine that never ticks."""
    world_of("clockwork").clock = database.clock.now
    adapter = DemoAdapter("clockwork", DemoAdapter.Settings(), call_limit=2.0)
    engine = Engine(
        database,
        Rules(policy_of("clockwork")),
        people(),
        {"clockwork": adapter},
        Postbox(),
        Figures(),
        load_or_make(folder / "audit.key"),
        Witness(folder / "audit.key.checkpoint"),
        rhythm=Rhythm(tick=NEVER),
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


class Heard:
    """Which grants came into a state, as the engine tells it."""

    def __init__(self, engine: Engine, state: State) -> None:
        self._state = state
        self._ids: set[str] = set()
        self._news = asyncio.Event()
        engine.changed(self._hear)

    def _hear(self, changed: tuple[Grant, ...]) -> None:
        self._ids.update(grant.id for grant in changed if grant.state is self._state)
        self._news.set()

    async def until(self, wanted: set[str]) -> None:
        """Exactly these, within ten seconds."""
        async with asyncio.timeout(10):
            while self._ids != wanted:
                await self._news.wait()
                self._news.clear()


async def test_each_end_is_met_without_a_tick(database: Database, tmp_path: Path) -> None:
    """Ends that follow one another within one tick need no tick: each wake-up sets the next."""
    async with clockwork(database, tmp_path) as engine:
        over = Heard(engine, State.ENDED)
        grants = []
        for who, other in ((DANA, MAYA), (OMAR, MAYA)):
            words = Ask(resource="lab", reason="fix the order", duration=timedelta(seconds=1))
            grant = await engine.service.ask(who, words)
            grants.append(await engine.service.vote(other, grant.id))
        await over.until({grant.id for grant in grants})


async def test_what_the_clock_does_alone_comes_in_one_go(
    database: Database, tmp_path: Path
) -> None:
    """More than one claim holds, none of it a job: the next claim follows, not the next tick."""
    late = [make_grant(requester=f"U{number}") for number in range(2 * CLAIM + 50)]
    await database.write(put(*late))
    async with clockwork(database, tmp_path) as engine:
        lapsed = Heard(engine, State.LAPSED)
        await lapsed.until({grant.id for grant in late})
