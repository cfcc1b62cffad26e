"""A provider to race on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.base import Adapter, Order

CROWD = 200
"""Grants at once."""

Act = Callable[[Order], Awaitable[None]]


@dataclass(frozen=True)
class Ring:
    """A provider to race on. `adapter` is for the port that it connects to.

    `needed` are the round trips of grant and revoke without which a promise could not be kept.
    """

    port: int
    adapter: Callable[[int], Adapter]
    order: Callable[[int], Order]
    give: Act
    take: Act
    needed: tuple[int, int]
