"""Looks at something outside, kept for a while: no older than promised, one at a time, bounded.

Whoever asks while a look is under way waits for that one. A value that grows old is looked up anew
in the background, so that whoever asks often never waits. A failed look is not repeated within a
moment: when Slack limits us, a hundred clicks are one call.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bot.engine.ports import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")

FRESH: Final = 60.0
"""Seconds that a look may serve: authority rests on nothing older."""

AHEAD: Final = 40.0
"""Seconds after which a look that is still served is renewed in the background."""

LIMIT: Final = 2.0
"""Seconds for a look: Slack waits three for an ack."""

PAUSE: Final = 1.0
"""Seconds before a failed look is tried again."""


@dataclass(frozen=True, slots=True)
class _Seen(Generic[V]):
    value: V
    began: float


class Looks(Generic[K, V]):
    """Values by key. `look` raises `DirectoryError` when Slack cannot say."""

    def __init__(
        self,
        look: Callable[[K], Awaitable[V]],
        *,
        room: int = 2_000,
        limit: float = LIMIT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`room` is how many are kept, the latest used ones; `limit` is in seconds for a look."""
        self._look = look
        self._room = room
        self._limit = limit
        self._now = now
        self._seen: OrderedDict[K, _Seen[V]] = OrderedDict()
        self._failed: dict[K, float] = {}
        self._running: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """The value, no older than `FRESH`. Raises `DirectoryError`."""
        now = self._now()
        seen = self._seen.get(key)
        if seen is not None and now - seen.began <= FRESH:
            self._seen.move_to_end(key)
            if now - seen.began >= AHEAD:
                self.renew(key)
            return seen.value
        if now < self._failed.get(key, now):
            raise DirectoryError("Slack did not answer a moment ago")
        # Shielded: one who stops waiting does not end the look for the others.
        return await asyncio.shield(self._started(key))

    def known(self, key: K) -> V | None:
        """The value as of the last look, however old; for words, never for authority."""
        seen = self._seen.get(key)
        return None if seen is None else seen.value

    def renew(self, key: K) -> None:
        """Begin a look unless one is under way, or the last one failed a moment ago."""
        if self._now() >= self._failed.get(key, 0.0):
            self._started(key)

    async def close(self) -> None:
        """End what is under way."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _started(self, key: K) -> asyncio.Task[V]:
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._run(key, self._now()), name=f"look at {key}")
            self._running[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return task

    async def _run(self, key: K, began: float) -> V:
        try:
            async with asyncio.timeout(self._limit):
                value = await self._look(key)
        except TimeoutError:
            raise DirectoryError(f"Slack did not answer within {self._limit:g} s") from None
        self._seen[key] = _Seen(value, began)
        self._seen.move_to_end(key)
        while len(self._seen) > self._room:
            self._seen.popitem(last=False)
        return value

    def _finished(self, key: K, task: asyncio.Task[V]) -> None:
        self._running.pop(key, None)
        # Asking for the error also tells asyncio that somebody cared, when nobody waits any more.
        if task.cancelled() or task.exception() is None:
            self._failed.pop(key, None)
            return
        if len(self._failed) > self._room:
            self._failed.clear()
        self._failed[key] = self._now() + PAUSE
