"""Libraries that block, called from the loop.

A thread cannot be stopped. When a caller is cancelled, what it asked for may still be sent, so
calls about one mark queue: the next begins when the former has really come to its end, and finds
what that one left. The library's own time limits must see to it that it does come to an end.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """At most `size` calls at once, each in a thread of its own."""

    def __init__(self, name: str, size: int) -> None:
        """Starts no thread before the first call. `name` is the provider's, to be seen in lists."""
        self._name = name
        self._size = size
        self._pool: ThreadPoolExecutor | None = None
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        self._running: set[asyncio.Task[object]] = set()

    async def run(self, call: Callable[[], T], *, mark: str | None = None) -> T:
        """What the call returns or raises. Calls with the same `mark` run one after the other.

        Cancelled while it waits for its turn, it never begins; later, it goes on to its end unseen.
        """
        begun = asyncio.Event()
        task = asyncio.create_task(self._in_turn(call, mark, begun))
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not begun.is_set():
                task.cancel()
            raise

    async def aclose(self) -> None:
        """Waits for what still runs, then ends the threads. May be repeated."""
        if self._running:
            await asyncio.wait(set(self._running))
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)

    async def _in_turn(self, call: Callable[[], T], mark: str | None, begun: asyncio.Event) -> T:
        if mark is None:
            return await self._in_thread(call, begun)
        lock, users = self._turns.get(mark, (asyncio.Lock(), 0))
        self._turns[mark] = (lock, users + 1)
        try:
            async with lock:
                return await self._in_thread(call, begun)
        finally:
            lock, users = self._turns.pop(mark)
            if users > 1:
                self._turns[mark] = (lock, users - 1)

    async def _in_thread(self, call: Callable[[], T], begun: asyncio.Event) -> T:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._size, thread_name_prefix=self._name)
        begun.set()
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def _ended(self, task: asyncio.Task[object]) -> None:
        """What went wrong after its caller left is nobody's to hear."""
        self._running.discard(task)
        if not task.cancelled():
            task.exception()
