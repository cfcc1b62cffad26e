"""The half of the soak with the real program: killed, cut off, misled, and started again.

The bot is a process of its own, Slack and the protected PostgreSQL are servers that outlive it. It
dies at points of random numbers, by SIGKILL at random moments, and meanwhile Slack, the provider
and the bot's database have their troubles. Then everything works again, and the invariants count.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Final

from bench.ground import Field, cut, freeze
from bot.demo.shop import DATABASE, Shop
from sandbox import SandboxServer
from sandbox.faults import Fault, FaultKind
from tests.crash.program import Fate
from tests.crash.stage import Stage, nursery, stage
from tests.crash.story import Story

POINTS: Final = 520
"""A whole story passes about so many."""

K = FaultKind
# No message that Slack takes and shows seconds later: whoever dies meanwhile cannot find it.
SLACK: Final = (
    Fault("chat.*", K.RATELIMITED),
    Fault("chat.*", K.STATUS, status=503),
    Fault("chat.*", K.DROP),
    Fault("chat.*", K.STORED_THEN_DROP),
    Fault("chat.*", K.STORED_THEN_STATUS),
    Fault("chat.*", K.NOT_JSON),
    Fault("chat.*", K.ERROR, error="fatal_error"),
    Fault("conversations.*", K.STATUS, status=502),
    Fault("conversations.*", K.SLOW, seconds=1.0),
    Fault("views.*", K.DROP),
    Fault("users.*", K.STATUS, status=500),
    Fault("usergroups.*", K.RATELIMITED),
    Fault("apps.connections.open", K.STATUS, status=503),
    Fault("deliver", K.LOSE),
    Fault("deliver", K.DUPLICATE),
)

Mishap = Callable[[], Awaitable[object]]


async def every_point(field: Field, shop: Shop, counts: Counter[str]) -> None:
    """A death at each point that has a name, through both stories, as in tests/crash."""
    async with stage(field.url, field.folder, shop, nursery()) as here:
        await here.begin(Fate(known=field.folder / "known"))
        await _both(Story(here, may_fail=True))
        counts.update(lives=2, kills=len(here.deaths))


async def stories(field: Field, shop: Shop, chance: Random, counts: Counter[str]) -> None:
    """One workspace, both stories, up to four deaths at numbered points, and troubles all along."""
    fates = [Fate(chance.randrange(1, POINTS)) for _ in range(chance.randrange(1, 5))]
    async with stage(field.url, field.folder, shop, nursery()) as here:
        here.died |= {1}  # a database that is away at the start is the init system's affair
        await here.begin(*fates, Fate())
        story = Story(here, may_fail=True)
        over = asyncio.Event()
        trouble = asyncio.create_task(_trouble(here, field, chance, counts, over))
        try:
            await story.revoked()
            await story.expired()
        finally:
            over.set()
            await trouble
            here.sandbox.faults.clear()
        await story.check()
        counts.update(lives=story.lives, kills=len(here.deaths))


async def _both(story: Story) -> None:
    await story.revoked()
    await story.expired()
    await story.check()


async def _trouble(
    here: Stage, field: Field, chance: Random, counts: Counter[str], over: asyncio.Event
) -> None:
    """One mishap after the other until it is over; each is finished before this returns."""
    mishaps = _mishaps(here, field, chance)
    with _unharmed(here):
        while not over.is_set():
            name, mishap = chance.choice(mishaps)
            await mishap()
            counts["faults"] += name != "kill"  # deaths are counted when they are seen
            counts[f"({name})"] += 1
            try:
                async with asyncio.timeout(chance.uniform(0.3, 3.0)):
                    await over.wait()
            except TimeoutError:
                continue


@contextmanager
def _unharmed(here: Stage) -> Iterator[None]:
    """The provider answers again at the end, whatever happened."""
    try:
        yield
    finally:
        here.shop.server.thaw()


def _mishaps(here: Stage, field: Field, chance: Random) -> list[tuple[str, Mishap]]:
    """Everything that may happen, Slack's faults and kills more often than the rest."""

    async def kill() -> None:
        here.kill()

    def slack(sandbox: SandboxServer) -> Mishap:
        async def order() -> None:
            sandbox.faults.add(replace(chance.choice(SLACK)))  # a copy: each is counted down

        return order

    shop = here.shop.server
    blocking = [
        ("provider crash", lambda: shop.restart("immediate")),
        ("provider frozen", lambda: freeze(shop, chance.uniform(0.1, 1.5))),
        ("provider cut", lambda: cut(shop, DATABASE)),
        *field.troubles(chance),
    ]
    apart: list[tuple[str, Mishap]] = [(name, _in_thread(act)) for name, act in blocking]
    return [
        *apart,
        *[("kill", kill)] * 2,
        *[("slack", slack(here.sandbox))] * 5,
        ("sockets cut", lambda: here.sandbox.hub.cut("abort")),
        ("sockets renewed", lambda: here.sandbox.hub.cut("refresh")),
    ]


def _in_thread(act: Callable[[], None]) -> Mishap:
    return lambda: asyncio.to_thread(act)
