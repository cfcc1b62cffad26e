"""The gate before a provider: turns by urgency, and a rest when nobody answers."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

import pytest

from bot.engine.bulkhead import LONGEST_PAUSE, TRIP_AFTER, Bulkhead, OpenCircuitError


@dataclass
class Clock:
    """Time that only the test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


async def started(waiting: Coroutine[object, object, None]) -> asyncio.Task[None]:
    """It has gone as far as it can by itself."""
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    return task


def silence(gate: Bulkhead, times: int = TRIP_AFTER) -> None:
    for _ in range(times):
        gate.fell_silent()


async def test_the_more_urgent_goes_first() -> None:
    """Not more at once than the limit; behind it by urgency, then as they came."""
    gate = Bulkhead(1)
    await gate.enter(9)
    order: list[str] = []

    async def pass_through(name: str, urgency: int) -> None:
        await gate.enter(urgency)
        order.append(name)
        gate.leave()

    tasks = [
        await started(pass_through(*one))
        for one in (("grant", 2), ("end", 1), ("another end", 1), ("pressed", 0))
    ]

    assert (order, gate.waiting) == ([], 4)

    gate.leave()
    await asyncio.gather(*tasks)

    assert order == ["pressed", "end", "another end", "grant"]
    assert gate.waiting == 0


async def test_several_rounds_are_busy() -> None:
    """Less waits gladly: it is there when the last are let in."""
    gate = Bulkhead(1)
    await gate.enter(0)
    tasks = [await started(gate.enter(0)) for _ in range(2)]

    assert not gate.busy

    tasks.append(await started(gate.enter(0)))

    assert gate.busy

    for task in tasks:
        gate.leave()
        await task


async def test_who_gives_up_waiting_takes_no_turn() -> None:
    """Neither while it waits nor in the moment in which its turn came."""
    gate = Bulkhead(1)
    await gate.enter(0)
    first, second, third = [await started(gate.enter(0)) for _ in range(3)]
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.leave()  # the turn is second's, who is cancelled before it can take it
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await asyncio.wait_for(third, 1)
    gate.leave()
    await asyncio.wait_for(gate.enter(0), 1)


async def test_a_provider_that_does_not_answer_is_left_alone() -> None:
    """After some silences in a row, for a second first; whoever waited hears it too."""
    clock = Clock()
    gate = Bulkhead(1, moment=clock)
    await gate.enter(0)
    waiting = await started(gate.enter(0))
    silence(gate, TRIP_AFTER - 1)
    gate.answered()
    silence(gate, TRIP_AFTER - 1)
    gate.fell_silent()
    gate.leave()
    with pytest.raises(OpenCircuitError):
        await waiting
    with pytest.raises(OpenCircuitError) as caught:
        await gate.enter(0)

    assert 0.8 <= caught.value.retry_after <= 1.2

    clock.now += 1.3
    await asyncio.wait_for(gate.enter(0), 1)


async def test_the_rest_grows_and_has_an_end() -> None:
    """Doubling up to the longest; the first answer takes it all back."""
    clock = Clock()
    gate = Bulkhead(1, moment=clock)
    silence(gate)
    rests: list[float] = []
    for _ in range(8):
        with pytest.raises(OpenCircuitError) as caught:
            await gate.enter(0)
        rests.append(caught.value.retry_after)
        clock.now += LONGEST_PAUSE * 2
        await gate.enter(0)
        gate.leave()
        gate.fell_silent()

    assert 3 < rests[2] < 5
    assert all(LONGEST_PAUSE * 0.8 <= rest <= LONGEST_PAUSE * 1.2 for rest in rests[5:])

    clock.now += LONGEST_PAUSE * 2
    gate.answered()
    silence(gate, TRIP_AFTER - 1)
    await gate.enter(0)
