"""A kill between any two steps, and a restart, end in the same place."""
from multiprocessing.context import ForkServerContext
from pathlib import Path
import time

from bot.demo.shop import Shop
from tests.crash.stage import stage
from tests.crash.story import Story


async def test_nothing_dies(sqlite_url: str, tmp_path: Path, shop: Shop, context: ForkServerContext) -> None:
    t = time.time()
    async with stage(sqlite_url, tmp_path, shop, context) as here:
        story = Story(here)
        here.begin()
        await here.sandbox.connected(within=10)
        print("connected", time.time() - t)
        await story.revoked()
        print("revoked", time.time() - t)
        await story.expired()
        print("expired", time.time() - t)
        await story.check()
        print("checked", time.time() - t)
        for p in here.orders.points.parent.glob("points.*"):
            print(p.name, len(p.read_text().splitlines()))
            print(p.read_text())
    print("ended", time.time() - t)
