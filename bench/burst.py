"""10,000 grants due in one second, at a provider that takes 20 ms a call (revoke, then verify).

    python -m bench.burst [--count 10000] [--calls 32,200] [--on sqlite,postgresql]

The floor is calls x 20 ms / calls at once. "rest" is when the last one is verified gone and recorded.
"""

import argparse
import asyncio
import time
from datetime import timedelta

from sqlalchemy import text

from bench.scene import (
    Heartbeat,
    LATENCY,
    SleepyAdapter,
    database_urls,
    engine,
    fill,
    grants,
    percentile,
    resident_mib,
    say,
)
from bot.app.process import settle_down
from bot.storage.database import Database


async def burst(url: str, count: int, calls: int) -> dict[str, float]:
    """One run on a fresh database."""
    async with await Database.open(url, exclusive=True, migrate=True) as database:
        adapter = SleepyAdapter("sleepy")
        due = database.clock.now() + timedelta(seconds=1 + count / 4000)
        rows = grants(count, due)
        adapter.there.update(grant.id for grant in rows)
        await fill(database, rows)
        async with engine(database, adapter, calls=calls, per_provider=calls) as (made, quiet):
            heart = Heartbeat()
            beating = asyncio.create_task(heart.run())
            await made.start()
            settle_down()
            await asyncio.sleep(0.05)
            heart.longest = 0.0
            await asyncio.sleep(max(0.0, due.timestamp() - time.time() - 0.01))
            spent = time.process_time()
            while len(quiet.lateness) < count:
                await asyncio.sleep(0.02)
                if time.time() - due.timestamp() > 120:
                    break
            rest = time.time() - due.timestamp()
            spent = time.process_time() - spent
            beating.cancel()
            twice = sum(1 for times in adapter.ends.at.values() if len(times) > 1)
            ended = await database.read(
                lambda conn: conn.execute(
                    text("SELECT count(*) FROM grants WHERE state = 'ended'")
                ).scalar_one()
            )
        floor = count * 2 * LATENCY / calls
        return {
            "floor": floor,
            "bar": floor * 1.15 + 0.5,
            "rest": rest,
            "CPU s": spent,
            "late p50": percentile(quiet.lateness, 0.5),
            "late p99": percentile(quiet.lateness, 0.99),
            "stall ms": heart.longest * 1000,
            "lost": count - ended,
            "twice": twice,
            "RSS MiB": resident_mib(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--calls", default="32,200")
    parser.add_argument("--on", default="sqlite,postgresql")
    given = parser.parse_args()
    for on in given.on.split(","):
        for calls in map(int, given.calls.split(",")):
            with database_urls([on]) as urls:
                found = asyncio.run(burst(urls[on], given.count, calls))
            say(on, calls, {key: round(value, 3) for key, value in found.items()})


if __name__ == "__main__":
    main()
