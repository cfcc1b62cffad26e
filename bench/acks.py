"""`/access` over HTTP, signed, fifty a second, one durable transaction each; beside bare Bolt.

The same sender posts to both. Every command asks for something new, so that each is a grant, its
event and its notices on disk (SQLite, synchronous=FULL) before the answer.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager

import aiohttp

from bench.scene import apart, percentile
from bench.slack import PEOPLE, RESOURCES, Door, Wire, bare_bolt, curfew
from bench.table import Table

RATE = 50


def measure(*, quick: bool) -> Table:
    count = 200 if quick else RESOURCES * len(PEOPLE)
    table = Table(
        f"/access answered ({count} commands, {RATE} a second, over HTTP)",
        ("by", "p50 ms", "p99 ms", "bar ms", "reached"),
        note="Bare Bolt with its defaults: signature and ack, no database, no rule.",
    )
    bolt = asyncio.run(_times(bare_bolt(), count))
    ours = asyncio.run(_times(curfew(), count))
    p50, p99 = (percentile(ours, share) * 1000 for share in (0.5, 0.99))
    bare, rare = (percentile(bolt, share) * 1000 for share in (0.5, 0.99))
    seen = f"{p50:.3g} / {p99:.3g}"
    reached = table.bar(
        "/access answered: p50 / p99, ms", seen, "5 / 25", fine=p50 <= 5 and p99 <= 25
    )
    table.bar("/access answered: p50 beside bare Bolt, ms", p50, f"{bare:.3g}", fine=p50 < bare)
    table.add("Curfew", p50, p99, "5 / 25", reached)
    table.add("bare Bolt", bare, rare, "", "")
    return table


async def _times(served: AbstractAsyncContextManager[Wire], count: int) -> list[float]:
    """The sender is a process of its own: here is the sandbox, which has to answer the bot."""
    async with served as wire:
        return await asyncio.to_thread(apart, _sent, wire.door, count)


def _sent(door: Door, count: int) -> list[float]:
    return asyncio.run(_send(door, count))


async def _send(door: Door, count: int) -> list[float]:
    asks = [
        (who, f"r{number} 30m fix the stuck order") for number in range(RESOURCES) for who in PEOPLE
    ][:count]
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            await door.command(session, PEOPLE[0], "help")
        began = time.perf_counter()
        posts = []
        for number, (who, text) in enumerate(asks):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            posts.append(asyncio.create_task(door.command(session, who, text)))
        return await asyncio.gather(*posts)
