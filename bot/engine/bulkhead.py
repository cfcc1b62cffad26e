"""One provider's trouble stays its own: calls at once are limited, and a dead one is left alone.

Within a provider the more urgent goes first: a revoke that a person pressed, then ends that the
clock made due, then grants.
"""

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Callable
from typing import Final

from bot.domain.errors import CurfewError

CALLS_PER_PROVIDER: Final = 32
ROUNDS: Final = 3
TRIP_AFTER: Final = 5
"""Calls without an answer in a row after which a provider is left alone for a while."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0


class OpenCircuitError(CurfewError):
    """The provider did not answer lately; it is asked again after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        """`retry_after` is in seconds."""
        super().__init__("the provider did not answer lately")
        self.retry_after = retry_after


class Bulkhead:
    """The gate before one provider."""

    def __init__(
        self, limit: int = CALLS_PER_PROVIDER, *, moment: Callable[[], float] = time.monotonic
    ) -> None:
        """`limit` calls at once pass; the others wait in order of urgency.

        `moment` is a steady clock in seconds.
        """
        self._moment = moment
        self._limit = limit
        self._free = limit
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._silent = 0
        self._pause = 0.0
        self._closed_until = 0.0

    @property
    def busy(self) -> bool:
        """Several rounds wait: more work for this provider should not be taken on.

        With less the next claim is made, so that it is there when the last of them are let in.
        """
        return len(self._waiting) >= self._limit * ROUNDS

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def enter(self, urgency: int) -> None:
        """Wait for a turn; lower `urgency` first. Who entered has to `leave`.

        Raises `OpenCircuitError` without waiting; then nobody entered.
        """
        self._check()
        if self._free > 0:
            self._free -= 1
            return
        await self._wait(urgency)
        try:
            self._check()
        except OpenCircuitError:
            self.leave()
            raise

    def _check(self) -> None:
        left = self._closed_until - self._moment()
        if left > 0:
            raise OpenCircuitError(left)

    async def _wait(self, urgency: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """The call is over: the next one's turn."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def answered(self) -> None:
        """A call came back with whatever answer: the provider is there."""
        self._silent = 0
        self._pause = 0.0

    def fell_silent(self) -> None:
        """A call got no answer. Enough of them in a row close the gate for a while."""
        self._silent += 1
        if self._silent >= TRIP_AFTER:
            self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
            # Jitter, so that replicas do not come back in the same moment.
            pause = self._pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret in it
            self._closed_until = self._moment() + pause
