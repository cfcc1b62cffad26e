"""Whole lives a second: asked, approved, made, revoked, gone; beside the raw driver.

The raw driver writes the same rows with the same chain in the same seven transactions, its values
made beforehand. What the ratio leaves is the price of rules, records and the ORM-less SQL layer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from adapters.base import Presence
from bench.raw import RawPostgres, RawSqlite, written_by_a_life
from bench.scene import Quiet, SleepyAdapter, asking, database_urls
from bench.table import Table, say
from bot.app.process import settle_down
from bot.domain.acts import Revoke, Role, Vote
from bot.engine.claims import Claim
from bot.engine.conclusions import Answer, conclude
from bot.engine.jobs import Job, Provision
from bot.engine.ledger import Ledger
from bot.engine.providers import Providers
from bot.engine.recorder import Outcome, Recorder, recorder
from bot.storage.database import Database

BARS = {("sqlite", 1): 0.4, ("sqlite", 8): 0.7, ("postgresql", 8): 0.5}

Life = Callable[[int], Awaitable[None]]


class Lives:
    """Curfew's own road: ledger, claim, recorder."""

    def __init__(self, database: Database) -> None:
        self.ledger = Ledger(database)
        provision = Provision(Providers({"sleepy": SleepyAdapter("sleepy")}, Quiet()))
        self.claim = Claim(database.replica, provision)
        self.recorder: Recorder = recorder(self.ledger)

    async def live(self, number: int) -> None:
        ledger = self.ledger
        ask = asking(f"U{number:07}", ledger.clock.now() + timedelta(hours=1))
        await ledger.write(lambda pen: pen.open(ask))
        vote = Vote(actor="U0MAYA", role=Role.APPROVER)
        await ledger.write(lambda pen: pen.step(pen.grants([ask.grant_id])[ask.grant_id], vote))
        await self._work(ask.grant_id, Presence.PRESENT)
        revoke = Revoke(actor="U0MAYA", role=Role.APPROVER, reason="done")
        await ledger.write(lambda pen: pen.step(pen.grants([ask.grant_id])[ask.grant_id], revoke))
        await self._work(ask.grant_id, Presence.ABSENT)

    async def _work(self, grant_id: str, presence: Presence) -> None:
        jobs: list[Job] = await self.ledger.write(partial(self.claim.one, grant_id=grant_id))
        for job in jobs:
            await self.recorder.put(
                Outcome(job, partial(conclude, job.due, Answer(presence=presence)))
            )


def measure(*, quick: bool) -> Table:
    count = 60 if quick else 400
    table = Table(
        f"Whole lives a second ({count} lives a run, the better of three)",
        ("database", "at once", "Curfew", "raw driver", "ratio", "bar", "reached"),
    )
    for on in ("sqlite", "postgresql"):
        for at_once in (1, 8):
            say(f"{on}, {at_once} at once")
            ours, raw = asyncio.run(_both(on, at_once, count))
            bar, reached = BARS.get((on, at_once)), ""
            if bar is not None:
                what = f"whole lives, {on}, {at_once} at once: share of the raw driver's"
                reached = table.bar(what, ours / raw, bar, fine=ours / raw >= bar)
            table.add(on, at_once, ours, raw, ours / raw, bar or "", reached)
    return table


async def _both(on: str, at_once: int, count: int) -> tuple[float, float]:
    settle_down()  # as the bot does once it runs; both sides have it
    best = [0.0, 0.0]
    for _ in range(3):
        with database_urls([on]) as urls:
            async with await Database.open(urls[on], exclusive=True, migrate=True) as database:
                lives = Lives(database)
                recording = asyncio.create_task(lives.recorder.run())
                best[0] = max(best[0], await _rate(lives.live, at_once, count))
                recording.cancel()
        with database_urls([on]) as urls:
            async with await Database.open(urls[on], exclusive=True, migrate=True):
                pass  # for the tables
            async with (RawSqlite if on == "sqlite" else RawPostgres)(urls[on], at_once) as raw:
                planned = [written_by_a_life(number, on) for number in range(count)]
                best[1] = max(
                    best[1],
                    await _rate(
                        lambda n, raw=raw, planned=planned: raw.live(planned[n]), at_once, count
                    ),
                )
    return best[0], best[1]


async def _rate(live: Life, at_once: int, count: int) -> float:
    numbers = iter(range(count))

    async def one() -> None:
        for number in numbers:
            await live(number)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return count / (time.perf_counter() - began)
