"""10,000 grants due in one second, at a provider that takes 20 ms a call (revoke, then verify).

The floor is calls x 20 ms / calls at once. "rest" is when the last one is verified gone and
recorded; "stall" the longest time that the event loop was held.
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
from bench.table import Table, held
from bot.app.process import settle_down
from bot.storage.database import Database

PATIENCE = 180.0


def measure(*, quick: bool) -> Table:
    count = 1_000 if quick else 10_000
    table = Table(
        f"{count:,} grants due in one second, 20 ms a call, revoke and verify",
        (
            "database",
            "calls at once",
            "floor s",
            "bar s",
            "rest s",
            "reached",
            "late p50 s",
            "late p99 s",
            "CPU s",
            "stall ms",
            "RSS MiB",
            "lost",
            "twice",
        ),
        note="CPU s is this process alone. Where it is near the rest, the cores were busy"
        " elsewhere or are the limit; where it is far below, the provider is.",
    )
    for on in ("sqlite", "postgresql"):
        for calls in (32, 200):
            with database_urls([on]) as urls:
                found = apart(run, urls[on], count, calls)
            fine = found["rest"] <= found["bar"] and found["stall"] <= 50
            table.add(
                *(on, calls, found["floor"], found["bar"], found["rest"], held(fine)),
                *(found["p50"], found["p99"], found["cpu"], found["stall"], found["rss"]),
                *(int(found["lost"]), int(found["twice"])),
            )
    return table


def run(url: str, count: int, calls: int) -> dict[str, float]:
    return asyncio.run(burst(url, count, calls))


async def burst(url: str, count: int, calls: int) -> dict[str, float]:
    """One run on a fresh database."""
    async with await Database.open(url, exclusive=True, migrate=True) as database:
        adapter = SleepyAdapter("sleepy")
        due = database.clock.now() + timedelta(seconds=1 + count / 3000)
        rows = grants(count, due)
        adapter.there.update(grant.id for grant in rows)
        await fill(database, rows)
        async with engine(database, adapter, calls=calls, per_provider=calls) as (made, quiet):
            heart = Heartbeat()
            beating = asyncio.create_task(heart.run())
            await made.start()
            del rows
            settle_down()
            await asyncio.sleep(max(0.05, due.timestamp() - time.time() - 0.02))
            heart.longest, spent = 0.0, time.process_time()
            while len(quiet.lateness) < count and time.time() - due.timestamp() < PATIENCE:
                await asyncio.sleep(0.02)
            rest, spent = time.time() - due.timestamp(), time.process_time() - spent
            beating.cancel()
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
            "lost": count - counted,
            "twice": sum(1 for times in adapter.ends.at.values() if len(times) > 1),
            "rss": rss,
        }
