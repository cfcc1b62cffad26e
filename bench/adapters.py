"""What an adapter adds to its client: grant and revoke beside the bare calls, and a crowd at once.

Each row is a real server on this machine. Beside it the bare client does the same, statement by
statement on a kept connection, as a script would. Round trips are counted by a proxy in between, in
a run of their own. To add a row: a function that yields a `Ring`, and a line in one of the tables.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from adapters.base import Presence
from adapters.conformance.stage import open_files, own_threads
from bench.aws_rings import AWS_RINGS
from bench.proxy import Proxy
from bench.ring import CROWD, Act, Ring
from bench.scene import percentile
from bench.server_rings import SERVER_RINGS
from bench.table import Table
from bench.web_rings import WEB_RINGS

MOST = 1.3
"""Our time as a multiple of the bare client's."""

RINGS: Mapping[str, Callable[[], AbstractAsyncContextManager[Ring]]] = {
    **AWS_RINGS,
    **SERVER_RINGS,
    **WEB_RINGS,
}


def measure(*, quick: bool) -> Table:
    rounds = 20 if quick else 200
    table = Table(
        f"Adapters beside their clients ({rounds} grants one after the other, {CROWD} at once)",
        (
            "adapter",
            "act",
            "ours p50 ms",
            "bare p50 ms",
            "ratio",
            "round trips",
            "of needed",
            "reached",
        ),
        note="`at once`: all of it, most connections at a time, and what was left open afterwards.",
    )
    for name, ring in RINGS.items():
        asyncio.run(_row(table, name, ring, rounds))
    return table


async def _row(
    table: Table, name: str, ring: Callable[[], AbstractAsyncContextManager[Ring]], rounds: int
) -> None:
    async with ring() as made:
        ours, bare = await _raced(made, rounds)
        async with Proxy(made.port) as proxy:
            trips = await _counted(made, proxy)
            took, most, left = await _at_once(made, proxy)
        for number, act in enumerate(("grant", "revoke")):
            one, other = (percentile(times[number], 0.5) * 1000 for times in (ours, bare))
            needed = made.needed[number]
            fine = one <= other * MOST and trips[number] <= needed
            said = f"{one / other:.2f}, {trips[number]:g} trips"
            bar = f"{MOST}, {needed} trips"
            reached = table.bar(f"{name}: {act} beside the bare client", said, bar, fine=fine)
            table.add(name, act, one, other, one / other, trips[number], needed, reached)
        fine = left == (0, 0)
        what = f"{name}: {CROWD} at once, threads and sockets left"
        reached = table.bar(what, f"{left[0]}, {left[1]}", "0, 0", fine=fine)
        said = f"{most} connections"
        table.add(name, f"{CROWD} at once", took * 1000, "-", "-", said, f"left {left}", reached)


async def _raced(ring: Ring, rounds: int) -> tuple[list[list[float]], list[list[float]]]:
    """Times of grant and revoke, ours and the bare client's, taken by turns."""
    adapter = ring.adapter(ring.port)
    sides: list[tuple[Act, Act]] = [(adapter.grant, adapter.revoke), (ring.give, ring.take)]
    times: list[list[list[float]]] = [[[], []], [[], []]]
    for number in range(-3, rounds):
        for side, acts in enumerate(sides):
            order = ring.order(number)
            for act, call in enumerate(acts):
                began = time.perf_counter()
                await call(order)
                if number >= 0:  # the first few open connections and fill caches
                    times[side][act].append(time.perf_counter() - began)
    assert await adapter.verify(ring.order(0)) is Presence.ABSENT
    await adapter.aclose()
    return times[0], times[1]


async def _counted(ring: Ring, proxy: Proxy, rounds: int = 10) -> tuple[float, float]:
    """Round trips of a grant and of a revoke, on a connection that is open already."""
    adapter = ring.adapter(proxy.port)
    trips = [0.0, 0.0]
    await adapter.verify(ring.order(0))
    for number in range(rounds):
        order = ring.order(number)
        for act, call in enumerate((adapter.grant, adapter.revoke)):
            before = proxy.trips
            await call(order)
            trips[act] += (proxy.trips - before) / rounds
    await adapter.aclose()
    return trips[0], trips[1]


async def _at_once(ring: Ring, proxy: Proxy) -> tuple[float, int, tuple[int, int]]:
    """Seconds for a crowd's grants and revokes, most connections, and threads and sockets left."""
    await proxy.quiet()
    threads, files = own_threads(), open_files()
    proxy.most = 0
    adapter = ring.adapter(proxy.port)
    orders = [ring.order(number) for number in range(CROWD)]
    began = time.perf_counter()
    await asyncio.gather(*(adapter.grant(order) for order in orders))
    await asyncio.gather(*(adapter.revoke(order) for order in orders))
    took = time.perf_counter() - began
    await adapter.aclose()
    await proxy.quiet()
    left = own_threads() - threads, open_files() - files
    return took, proxy.most, (max(0, left[0]), max(0, left[1]))
