"""A turn for each message: about one a second per channel, with a small burst.

Slack's own limit is "about one message a second per channel, short bursts tolerated"; a card's
edit counts like a post. Source: Slack's reference of rate limits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from bot.engine.ports import PostLaterError

RATE: Final = 1.0
"""Messages a second."""
BURST: Final = 4.0
PATIENCE: Final = 25.0
"""Longest wait for a turn, in seconds: below the time that a delivery has."""
CHANNELS: Final = 1_000
"""Above so many, those that are rested are forgotten."""


class Pace:
    """A token bucket for each channel, on the loop's clock."""

    def __init__(
        self,
        *,
        rate: float = RATE,
        burst: float = BURST,
        patience: float = PATIENCE,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`now` is in seconds and never goes back; the running loop's time unless given."""
        self._step = 1.0 / rate
        self._span = burst * self._step
        self._patience = patience
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self._sleep = sleep
        self._full: dict[str, float] = {}
        """When each bucket is full again; a turn moves it one step on."""

    async def turn(self, channel: str) -> None:
        """Returns when it is this message's turn.

        Raises `PostLaterError` instead of waiting longer than the patience; nothing is taken then.
        """
        now = self._now()
        full = max(self._full.get(channel, now), now) + self._step
        wait = full - self._span - now
        if wait > self._patience:
            raise PostLaterError(f"the queue for {channel} is long", retry_after=wait)
        if len(self._full) >= CHANNELS:
            self._full = {key: at for key, at in self._full.items() if at > now}
        self._full[channel] = full
        if wait > 0:
            await self._sleep(wait)

    def hold(self, channel: str, seconds: float) -> None:
        """Nothing to this channel for so long: Slack said so."""
        until = self._now() + seconds + self._span - self._step
        self._full[channel] = max(self._full.get(channel, until), until)
