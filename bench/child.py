"""One process of a burst, to be killed or to have company. Not a figure by itself.

    python -m bench.child URL CALLS FILE DUE

FILE is the provider: a line for each revoke that took effect, whoever asked. Ends when nothing is
live any more, and then says beside FILE for how long its loop was held since DUE.
"""

import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from adapters.base import Order, Presence
from bench.scene import LATENCY, Heartbeat, SleepyAdapter, engine
from bot.app.process import settle_down
from bot.storage.database import Database


class FileAdapter(SleepyAdapter):
    """A provider that outlives us: what is gone stands in a file."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._read = 0

    def _look(self) -> set[str]:
        """What others made gone is found too."""
        news = os.pread(self._file, 1 << 24, self._read)
        whole = news[: news.rfind(b"\n") + 1]
        self._read += len(whole)
        self.gone.update(line.split()[0] for line in whole.decode().splitlines())
        return self.gone

    async def _revoke(self, order: Order) -> None:
        await asyncio.sleep(self.latency)
        os.write(self._file, f"{order.grant_id} {time.time():.3f}\n".encode())

    async def _verify(self, order: Order) -> Presence:
        await asyncio.sleep(self.latency)
        gone = order.grant_id in self.gone or order.grant_id in self._look()
        return Presence.ABSENT if gone else Presence.PRESENT

    async def _owned(self) -> frozenset[str]:
        await asyncio.sleep(LATENCY)
        return frozenset(self.there - self._look())


async def held_since(due: datetime, path: Path, work: Coroutine[None, None, None]) -> None:
    """Does the work; afterwards a line beside the provider's file: the longest stall in ms."""
    heart = Heartbeat()
    beating = asyncio.create_task(heart.run())
    asyncio.get_running_loop().call_later(
        max(0.0, (due - datetime.now(UTC)).total_seconds() - 0.05), setattr, heart, "longest", 0.0
    )
    await work
    beating.cancel()
    with path.with_suffix(".held").open("a") as file:
        file.write(f"{heart.longest * 1000:.1f}\n")


async def work(url: str, calls: int, path: Path) -> None:
    async with await Database.open(url, exclusive=True) as database:
        adapter = FileAdapter("sleepy", path)
        live = text("SELECT id FROM grants WHERE state IN ('active', 'revoking')")
        adapter.there.update(await database.read(lambda conn: list(conn.scalars(live))))
        async with engine(database, adapter, calls=calls, per_provider=calls) as (made, _):
            await made.start()
            settle_down()
            while await database.read(lambda conn: conn.scalars(live.bindparams()).first()):
                await asyncio.sleep(0.1)


if __name__ == "__main__":
    file = Path(sys.argv[3])
    working = work(sys.argv[1], int(sys.argv[2]), file)
    asyncio.run(held_since(datetime.fromisoformat(sys.argv[4]), file, working))
