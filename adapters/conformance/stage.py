"""What all parts of the suite share: the fixtures, and how to ask for a capability."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.base import Adapter, Caps, Credential, Order, Presence
from adapters.conformance.engine import connected
from adapters.conformance.ground import Ground

MOMENTS = 100


PARTING = 2.0
"""Seconds that a provider in this process may take to notice that the adapter hung up."""


class Stage:
    """Fixtures. `ground` comes from the author."""

    @pytest_asyncio.fixture
    async def adapter(self, ground: Ground) -> AsyncIterator[Adapter]:
        """The adapter under test; nothing of it stays after the test, no socket and no thread."""
        files, threads = open_files(), own_threads()
        made = connected(ground)
        yield made
        await made.aclose()
        await made.aclose()
        gc.collect()  # what only an error's traceback still holds is not kept by the adapter
        for _ in range(MOMENTS):  # a provider in this very process closes its ends a little later
            if own_threads() <= threads and open_files() <= files:
                break
            await asyncio.sleep(0.01)
        assert own_threads() <= threads, "the adapter left a thread"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PARTING):
                while open_files() > files:  # noqa: ASYNC110 - a stand-in of this process lets go too
                    await asyncio.sleep(0.01)
        assert open_files() <= files, "the adapter left a file or a socket open"


def needs(ground: Ground, adapter: Adapter, cap: Caps) -> None:
    """Skips the test where the capability is not claimed."""
    if cap not in ground.caps(adapter):
        pytest.skip(f"does not claim {cap.name}")


async def credential_for(ground: Ground, adapter: Adapter, order: Order) -> Credential | None:
    """A fresh credential where the adapter makes them."""
    if Caps.ISSUES_CREDENTIALS in ground.caps(adapter):
        return await adapter.issue(order)
    return None


def beside(ground: Ground, adapter: Adapter) -> Order:
    """Another person's order that may be live beside `ground.order()`.

    Of the same resource, or of the other one where a grant has its thing alone.
    """
    return ground.order(1 if adapter.is_exclusive else 0, who="eli")


async def cleared(adapter: Adapter, *orders: Order) -> None:
    """Revokes, as the engine does it: until a look says that it is gone."""
    for order in orders:
        await adapter.revoke(order)
        if await adapter.verify(order) is not Presence.ABSENT:
            await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.ABSENT


def own_threads() -> int:
    """Threads of this process, less those of the loop's executor, which end with the loop."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


def open_files() -> int:
    """Descriptors of this process, the loop's and pytest's included; 0 where there is no /proc."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0
