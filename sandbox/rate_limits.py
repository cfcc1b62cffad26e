"""Slack's rate limits, off unless switched on: tiers per method, one message a second per channel.

Both are buckets: `burst` messages at once are let through before the second-by-second pace holds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.clock import Clock

POST = "chat.postMessage"
"""Counted by channel as well."""


class RateLimits:
    """Counts calls when it is on."""

    def __init__(self, clock: Clock, *, is_on: bool = False, burst: int = 3) -> None:
        self._clock = clock
        self.is_on = is_on
        self.burst = burst
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def wait_for(self, method: str, channel: str, *, tier: int) -> int | None:
        """Seconds for Retry-After, None when the call is let through."""
        if not self.is_on:
            return None
        wait = self._draw(("method", method), rate=tier / 60, size=tier)
        if wait is None and method == POST and channel:
            wait = self._draw(("channel", channel), rate=1.0, size=self.burst)
        return wait

    def _draw(self, key: tuple[str, str], *, rate: float, size: int) -> int | None:
        now = self._clock.now()
        level, seen = self._buckets.get(key, (float(size), now))
        level = min(float(size), level + (now - seen) * rate)
        if level < 1:
            self._buckets[key] = (level, now)
            return max(1, math.ceil((1 - level) / rate))
        self._buckets[key] = (level - 1, now)
        return None
