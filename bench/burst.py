"""10,000 grants due in one second, at a provider that takes 20 ms a call (revoke, then verify).

The floor is calls x 20 ms / calls at once. "rest" is when the last one is verified gone and
recorded; "stall" the longest time that the event loop was held. Meanwhile people go on asking:
"ask" is how long they wait for the transaction that their ack stands on.

Each is run three times: a machine that others share is slower in one minute than in the next. The
time is that of the best run, with all of them beside it; everything else that of the worst.
"""

import asyncio
import time
from datetime import timedelta

from sqlalchemy import text

from bench.scene import (
    LATENCY,
    Heartbeat,
    SleepyAdapter,
    apart,
    database_urls,
    engine,
    fill,
    grants,
    percentile,
    resident_mib,
)
from bench.table import Table, say
from bot.app.process import settle_down
from bot.domain.command import Ask
from bot.engine.engine import Engine
from bot.storage.database import Database

PATIENCE = 180.0
RUNS = 3
ASKS = 20
"""People a second who ask for something meanwhile."""

MIB = 1.048576
"""A MiB in MB: bars are in MB."""


def measure(*, quick: bool) -> Table:
    count = 1_000 if quick else 10_000
    table = Table(
        f"{count:,} grants due in one second, 20 ms a call, revoke and verify",
        (
            *("database", "calls at once", "floor s", "bar s", "rest s", "reached", "each run s"),
            *("late p50 s", "late p99 s", "CPU s", "stall ms", "ask p99 ms", "RSS MiB"),
            *("lost", "twice"),
        ),
        note="The bar is the floor, 15 % and 0.5 s. Rest, lateness and CPU are of the best run,"
        " the others of the worst, lost and twice of all together. CPU s is this process alone:"
        " where it is near the rest, the cores are the limit; where it is far below, the provider"
        " or the disk is.",
    )
    for on in ("sqlite", "postgresql"):
        for calls in (32, 200):
            say(f"{on}, {calls} calls at once")
            _add(table, on, calls, [_once(on, count, calls) for _ in range(RUNS)])
    return table


def _once(on: str, count: int, calls: int) -> dict[str, float]:
    with database_urls([on]) as urls:
        return apart(run, urls[on], count, calls)


def _add(table: Table, on: str, calls: int, runs: list[dict[str, float]]) -> None:
    what = f"burst, {on}, {calls} at once"
    found = dict(min(runs, key=lambda one: one["rest"]))
    found |= {name: max(one[name] for one in runs) for name in ("stall", "ask", "rss", "mb")}
    lost, twice = (int(sum(one[name] for one in runs)) for name in ("lost", "twice"))
    reached = table.bar(
        *(f"{what}: at rest, s", found["rest"], found["bar"]), fine=found["rest"] <= found["bar"]
    )
    for name, key, bar in (
        ("loop held, ms", "stall", 50.0),
        ("asks meanwhile p99, ms", "ask", 250.0),
        ("resident, MB", "mb", 150.0),
    ):
        table.bar(f"{what}: {name}", found[key], bar, fine=found[key] <= bar)
    table.bar(f"{what}: lost, ended twice", f"{lost}, {twice}", "0, 0", fine=not lost + twice)
    table.add(
        *(on, calls, found["floor"], found["bar"], found["rest"], reached),
        ", ".join(f"{one['rest']:.3g}" for one in runs),
        *(found["p50"], found["p99"], found["cpu"], found["stall"], found["ask"], found["rss"]),
        *(lost, twice),
    )


def run(url: str, count: int, calls: int) -> dict[str, float]:
    return asyncio.run(burst(url, count, calls))


async def burst(url: str, count: int, calls: int) -> dict[str, float]:
    """One run on a fresh database."""
    async with await Database.open(url, exclusive=True, migrate=True) as database:
        adapter = SleepyAdapter("sleepy")
        due = database.clock.now() + timedelta(seconds=2 + count / 500)
        rows = grants(count, due)
        adapter.there.update(grant.id for grant in rows)
        await fill(database, rows)
        if database.clock.now() > due - timedelta(seconds=1):
            raise RuntimeError("this machine is too slow to fill the database in time")
        async with engine(database, adapter, calls=calls, per_provider=calls) as (made, quiet):
            heart = Heartbeat()
            beating = asyncio.create_task(heart.run())
            await made.start()
            del rows
            settle_down()
            await asyncio.sleep(max(0.05, due.timestamp() - time.time() - 0.02))
            heart.longest, spent, asked = 0.0, time.process_time(), list[float]()
            asking = asyncio.create_task(_ask(made, asked))
            while len(quiet.lateness) < count and time.time() - due.timestamp() < PATIENCE:
                await asyncio.sleep(0.02)
            rest, spent = time.time() - due.timestamp(), time.process_time() - spent
            for task in (asking, beating):
                task.cancel()
            counted = await database.read(
                lambda conn: conn.execute(
                    text("SELECT count(*) FROM grants WHERE state = 'ended'")
                ).scalar_one()
            )
            rss = resident_mib()
        floor = count * 2 * LATENCY / calls
        return {
            "floor": floor,
            "bar": floor * 1.15 + 0.5,
            "rest": rest,
            "p50": percentile(quiet.lateness, 0.5),
            "p99": percentile(quiet.lateness, 0.99),
            "cpu": spent,
            "stall": heart.longest * 1000,
            "ask": percentile(asked, 0.99) * 1000,
            "lost": count - counted,
            "twice": sum(1 for times in adapter.ends.at.values() if len(times) > 1),
            "rss": rss,
            "mb": rss * MIB,
        }


async def _ask(made: Engine, took: list[float]) -> None:
    """Until cancelled, somebody asks for something every so often."""
    words = Ask(resource="lab", reason="fix the stuck order", duration=timedelta(hours=1))
    number, began = 0, time.perf_counter()
    while True:
        await asyncio.sleep(max(0.0, began + number / ASKS - time.perf_counter()))
        since = time.perf_counter()
        await made.service.ask(f"A{number:07}", words)
        took.append(time.perf_counter() - since)
        number += 1
