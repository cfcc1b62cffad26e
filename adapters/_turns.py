"""Calls about one mark, one after the other, each to its real end.

What a cancelled caller asked for may still take effect. So the call goes on unseen, and the next
one about the same mark begins when it has come to its end, and finds what it left.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Turns:
    """Queues by mark."""

    def __init__(self, grace: float | None = None) -> None:
        """`grace` in seconds is how long a call goes on without its caller; None: to its end."""
        self._grace = grace
        self._queues: dict[str, tuple[asyncio.Lock, int]] = {}
        self._running: set[asyncio.Task[object]] = set()

    async def run(self, call: Callable[[], Awaitable[T]], *, mark: str | None = None) -> T:
        """What the call returns or raises; with no `mark` it waits for nobody.

        Cancelled while it waits for its turn, it never begins; later, it goes on unseen.
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
            elif self._grace is not None:
                asyncio.get_running_loop().call_later(self._grace, task.cancel)
            raise

    async def aclose(self) -> None:
        """Waits for what still runs. May be repeated."""
        if self._running:
            await asyncio.wait(set(self._running))

    async def _in_turn(
        self, call: Callable[[], Awaitable[T]], mark: str | None, begun: asyncio.Event
    ) -> T:
        if mark is None:
            begun.set()
            return await call()
        lock, users = self._queues.get(mark, (asyncio.Lock(), 0))
        self._queues[mark] = (lock, users + 1)
        try:
            async with lock:
                begun.set()
                return await call()
        finally:
            lock, users = self._queues.pop(mark)
            if users > 1:
                self._queues[mark] = (lock, users - 1)

    def _ended(self, task: asyncio.Task[object]) -> None:
        """What went wrong after its caller left is nobody's to hear."""
        self._running.discard(task)
        if not task.cancelled():
            task.exception()
