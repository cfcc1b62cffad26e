"""The engine at work on an old database, as a process of its own: what `start` measures.

    python -m bench.old URL SINCE GRANTS

Prints, as JSON, seconds from SINCE (its exec) to the first claim and to the first completed tick,
and what it holds of memory then.
"""

import asyncio
import json
import sys
import time

from adapters.base import Order
from bench.archive import grant_ids
from bench.scene import SleepyAdapter, engine, resident_mib
from bot.app.process import settle_down
from bot.storage.database import Database


class Claimed(SleepyAdapter):
    """Tells when the first call came. Everything is there, for the sweep."""

    count = 0
    first = asyncio.Event()
    at = 0.0

    async def _revoke(self, order: Order) -> None:
        if not self.first.is_set():
            self.at = time.time()
            self.first.set()
        await super()._revoke(order)

    async def _owned(self) -> frozenset[str]:
        return frozenset(grant_ids(self.count)) - self.gone


async def main(url: str, since: float, grants: int) -> None:
    async with await Database.open(url, exclusive=True) as database:
        adapter = Claimed("sleepy")
        adapter.count = grants
        async with engine(database, adapter, calls=32, per_provider=32) as (made, _):
            await made.start()
            settle_down()
            await adapter.first.wait()
            while made.tick_age > time.time() - since:
                await asyncio.sleep(0.005)
            ready = time.time() - since
            await asyncio.sleep(2)  # the first sweep is in it
            found = {"claim": adapter.at - since, "ready": ready, "rss": resident_mib()}
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
