"""A kill between any two steps, and a restart, end in the same place."""

from multiprocessing.context import ForkServerContext
from pathlib import Path
import time

from bot.demo.shop import Shop
from tests.crash.program import Fate
from tests.crash.stage import stage
from tests.crash.story import Story


async def test_nothing_dies(
    sqlite_url: str, tmp_path: Path, shop: Shop, context: ForkServerContext
) -> None:
    t = time.time()
    async with stage(sqlite_url, tmp_path, shop, context) as here:
        story = Story(here)
        await here.begin(Fate(known=tmp_path / "known"))
        print("connected", time.time() - t, len(here.deaths))
        await story.revoked()
        print("revoked", time.time() - t, len(here.deaths))
        await story.expired()
        print("expired", time.time() - t, len(here.deaths))
        await story.check()
        print("checked", time.time() - t, len(here.deaths))
    print("ended", time.time() - t)
