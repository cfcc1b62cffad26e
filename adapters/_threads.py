"""Libraries that block, called from the loop.

A thread cannot be stopped. When a caller is cancelled, what it asked for may still be sent, so
calls about one mark queue (see `Turns`). The library's own time limits must see to it that each
call does come to an end.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from adapters._turns import Turns

T = TypeVar("T")


class Threads:
    """At most `size` calls at once, each in a thread of its own."""

    def __init__(self, name: str, size: int) -> None:
        """Starts no thread before the first call. `name` is the provider's, to be seen in lists."""
        self._name = name
        self._size = size
        self._pool: ThreadPoolExecutor | None = None
        self._turns = Turns()

    async def run(self, call: Callable[[], T], *, mark: str | None = None) -> T:
        """What the call returns or raises. Calls with the same `mark` run one after the other.

        Cancelled while it waits for its turn, it never begins; later, it goes on to its end unseen.
        """
        return await self._turns.run(partial(self._in_thread, call), mark=mark)

    async def aclose(self) -> None:
        """Waits for what still runs, then ends the threads. May be repeated."""
        await self._turns.aclose()
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._size, thread_name_prefix=self._name)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)
