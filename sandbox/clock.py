"""The time that the sandbox sees: the machine's, plus what tests have moved it ahead.

Everything with a lifetime (triggers, response URLs, acknowledgements, rate limits, redeliveries)
asks this clock, so that half an hour takes no time in a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


class Clock:
    """Seconds since the epoch; moves ahead only."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._sleepers: set[asyncio.Event] = set()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move ahead; whoever sleeps until a moment that is now past wakes up."""
        if seconds < 0:
            raise ValueError("the clock moves ahead only")
        self._ahead += seconds
        for sleeper in self._sleepers:
            sleeper.set()

    async def sleep(self, seconds: float) -> None:
        """Return when this clock says that so many seconds have passed."""
        end = self.now() + seconds
        moved = asyncio.Event()
        self._sleepers.add(moved)
        try:
            while (left := end - self.now()) > 0:
                moved.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await moved.wait()
        finally:
            self._sleepers.discard(moved)

    async def within(self, work: Awaitable[T], seconds: float) -> T:
        """What `work` returns, or TimeoutError when this clock says that the time is up.

        The work is cancelled then, and when the caller is.
        """
        end = self.now() + seconds
        doing = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self.sleep(seconds))
        try:
            await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done() and self.now() < end:
                return doing.result()
            raise TimeoutError
        finally:
            for task in (doing, waiting):
                task.cancel()
            await asyncio.gather(doing, waiting, return_exceptions=True)
