"""An adapter as the bot uses it: what is pending is asked for again, and people's word is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

from adapters.base import Adapter, Credential, Order, PendingError, Presence, Session
from adapters.conformance.ground import Ground

TRIES = 100
PAUSE = 0.2
"""Seconds to wait at most where the provider asks for more: a test's provider is quick."""


class Persevering:
    """Repeats `grant` and `revoke` while they are pending; everything else is the adapter's own."""

    def __init__(self, adapter: Adapter, ground: Ground) -> None:
        """`ground` has the hands for what is to be done by hand."""
        self._adapter = adapter
        self._ground = ground
        self._said = ground.said

    def __getattr__(self, name: str) -> object:
        return getattr(self._adapter, name)

    def __repr__(self) -> str:
        return repr(self._adapter)

    async def grant(self, order: Order) -> None:
        await self._through(self._adapter.grant, order, Presence.PRESENT)

    async def revoke(self, order: Order) -> None:
        await self._through(self._adapter.revoke, order, Presence.ABSENT)

    async def verify(self, order: Order) -> Presence:
        return await self._adapter.verify(self._told(order))

    async def issue(self, order: Order) -> Credential:
        return await self._adapter.issue(self._told(order))

    async def sessions(self, order: Order) -> tuple[Session, ...]:
        return await self._adapter.sessions(self._told(order))

    async def _through(
        self, call: Callable[[Order], Awaitable[None]], order: Order, wanted: Presence
    ) -> None:
        for _ in range(TRIES):
            try:
                return await call(self._told(order))
            except PendingError as pending:
                if pending.by_hand:
                    self._said[order.mark] = await self._ground.by_hand(order, wanted)
                else:
                    await asyncio.sleep(min(pending.retry_after, PAUSE))
        raise AssertionError(f"{order.mark} was still pending after {TRIES} calls")

    def _told(self, order: Order) -> Order:
        return replace(order, said=self._said.get(order.mark, order.said))


def connected(ground: Ground, call_limit: float = 10.0) -> Adapter:
    """A new adapter for the ground's provider, used as the engine would."""
    return cast("Adapter", Persevering(ground.connect(call_limit), ground))
