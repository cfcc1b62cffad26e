"""A provider that is down, silent, crowded or refuses: the right error, in time, no secrets."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from adapters.base import (
    Adapter,
    AdapterError,
    Caps,
    Order,
    Presence,
    RefusedError,
    UnreachableError,
)
from adapters.conformance.engine import connected
from adapters.conformance.ground import CannotStageError, Ground, Weather
from adapters.conformance.stage import Stage, beside, cleared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMIT = 1.0
GRACE = 1.5
"""Seconds above the limit in which a call must have given up."""

TIME_HEALS = (Weather.DOWN, Weather.SILENT, Weather.CROWDED)


class BadWeather(Stage):
    """What an adapter says when its provider does not play along."""

    @pytest.mark.parametrize(
        ("kind", "warm"),
        [
            (Weather.DOWN, True),
            (Weather.DOWN, False),
            (Weather.SILENT, True),
            (Weather.SILENT, False),
            (Weather.CROWDED, False),  # what is open already notices neither this
            (Weather.LOCKED, False),  # nor that
            (Weather.FORBIDDEN, True),
        ],
    )
    async def test_errors_say_who_must_act(
        self,
        ground: Ground,
        adapter: Adapter,
        caplog: pytest.LogCaptureFixture,
        kind: Weather,
        warm: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        """Unreachable where time heals, refused where a human must act; well again, all works."""
        caplog.set_level("DEBUG")
        live, fresh = ground.order(), beside(ground, adapter)
        await adapter.grant(live)
        impatient = connected(ground, LIMIT)
        if warm:
            await impatient.verify(live)
        try:
            async with ground.weather(kind):
                said = await _complaints(ground, impatient, kind, (live, fresh))
        except CannotStageError as reason:
            await cleared(adapter, live)
            await impatient.aclose()
            pytest.skip(str(reason))
        for secret in ground.secrets():
            assert secret not in caplog.text
            assert secret not in said + repr(impatient) + repr(vars(impatient.settings))
        await cleared(impatient, live, fresh)
        await impatient.grant(fresh)
        assert await impatient.verify(fresh) is Presence.PRESENT
        await cleared(impatient, fresh)
        await impatient.aclose()

    async def test_a_restart_between_calls_is_not_noticed(
        self, ground: Ground, adapter: Adapter
    ) -> None:
        """A connection that died while nobody used it costs no call."""
        order = ground.order()
        await adapter.grant(order)
        try:
            async with ground.weather(Weather.DOWN):
                pass
        except CannotStageError as reason:
            await cleared(adapter, order)
            pytest.skip(str(reason))
        assert await adapter.verify(order) is Presence.PRESENT
        await cleared(adapter, order)


async def _complaints(
    ground: Ground, adapter: Adapter, kind: Weather, orders: tuple[Order, Order]
) -> str:
    """What all verbs said, each checked for its kind and its time."""
    live, fresh = orders
    verbs: list[Callable[[], Awaitable[object]]] = [
        lambda: adapter.grant(fresh),
        lambda: adapter.revoke(live),
    ]
    if kind is not Weather.FORBIDDEN:
        verbs += [lambda: adapter.verify(live), adapter.probe]
        if Caps.ISSUES_CREDENTIALS in ground.caps(adapter):
            verbs.append(lambda: adapter.issue(live))
    expected = UnreachableError if kind in TIME_HEALS else RefusedError
    answers = await asyncio.gather(*(_complaint(verb) for verb in verbs))
    for error in answers:
        assert type(error) is expected, f"{error!r}"
        assert str(error)
    return "\n".join(map(str, answers))


async def _complaint(verb: Callable[[], Awaitable[object]]) -> AdapterError:
    began = time.monotonic()
    with pytest.raises(AdapterError) as caught:
        await verb()
    assert time.monotonic() - began < LIMIT + GRACE
    return caught.value
