"""The demo provider fails exactly as it is told to, as often as it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.base import Order, Person, Presence, RefusedError, UnreachableError
from adapters.demo import DemoAdapter, Fault, NoEntryError, World, forget_worlds, world_of

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(clock)


@pytest.fixture
def adapter(world: World) -> DemoAdapter:
    return DemoAdapter("playground", world=world, call_limit=0.05)


def order(lasts: timedelta = timedelta(minutes=30)) -> Order:
    person = Person("U1", "dana@example.com")
    return Order("0123456789ab", "prod-db", {"level": "read"}, person, START + lasts)


async def test_faults_are_used_up(adapter: DemoAdapter, world: World) -> None:
    """A fault meets the announced number of calls of its verb, and no other verb."""
    world.fail("grant", Fault.REFUSE, times=2)
    for _ in range(2):
        with pytest.raises(RefusedError):
            await adapter.grant(order())
        assert await adapter.verify(order()) is Presence.ABSENT
    await adapter.grant(order())
    assert await adapter.verify(order()) is Presence.PRESENT
    assert [verb for verb, _ in world.calls].count("grant") == 3


async def test_faults_come_in_their_order(adapter: DemoAdapter, world: World) -> None:
    """What was announced first is met first, and healing takes the rest back."""
    world.fail("revoke", Fault.UNREACHABLE)
    world.fail("revoke", Fault.THROTTLE, seconds=9)
    world.fail("revoke", Fault.REFUSE)
    with pytest.raises(UnreachableError):
        await adapter.revoke(order())
    with pytest.raises(UnreachableError) as caught:
        await adapter.revoke(order())
    assert caught.value.retry_after == 9
    world.heal()
    await adapter.revoke(order())


async def test_a_hanging_call_does_nothing(adapter: DemoAdapter, world: World) -> None:
    """A call without an answer is given up on, and nothing happened."""
    world.fail("grant", Fault.HANG)
    with pytest.raises(UnreachableError, match="no answer"):
        await adapter.grant(order())
    assert world.access == {}


async def test_a_lost_answer_did_happen(adapter: DemoAdapter, world: World) -> None:
    """A call can succeed although its caller is told that the line was cut."""
    world.fail("grant", Fault.LOST_ANSWER)
    with pytest.raises(UnreachableError):
        await adapter.grant(order())
    assert await adapter.verify(order()) is Presence.PRESENT


async def test_a_call_can_land_late(adapter: DemoAdapter, world: World, clock: Clock) -> None:
    """A call that was given up on takes effect when its time has come, after a revoke even."""
    world.fail("grant", Fault.LAND_LATE, seconds=5)
    with pytest.raises(UnreachableError):
        await adapter.grant(order())
    await adapter.revoke(order())
    assert await adapter.verify(order()) is Presence.ABSENT
    clock.now += timedelta(seconds=5)
    assert await adapter.verify(order()) is Presence.PRESENT
    await adapter.revoke(order())
    assert await adapter.verify(order()) is Presence.ABSENT


async def test_a_lie_is_found_by_looking(adapter: DemoAdapter, world: World) -> None:
    """A revoke that says done and did nothing is seen by the next look."""
    await adapter.grant(order())
    world.fail("revoke", Fault.LIE)
    await adapter.revoke(order())
    assert await adapter.verify(order()) is Presence.PRESENT


async def test_a_slow_answer_comes(world: World) -> None:
    """A slow call does what it should, later."""
    adapter = DemoAdapter("playground", world=world)
    world.fail("grant", Fault.SLOW, seconds=0.01)
    call = asyncio.create_task(adapter.grant(order()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert world.access == {}
    await call
    assert await adapter.verify(order()) is Presence.PRESENT


async def test_the_world_ends_access_by_itself(
    adapter: DemoAdapter, world: World, clock: Clock
) -> None:
    """At the end that it was told the world lets nobody in, though nobody revoked."""
    await adapter.grant(order())
    login, password = (await adapter.issue(order())).snippets[0].text.split(":")
    assert world.is_open(world.enter(login, password))
    clock.now += timedelta(minutes=30)
    with pytest.raises(NoEntryError):
        world.enter(login, password)
    assert await adapter.verify(order()) is Presence.PARTIAL


def test_one_name_is_one_world() -> None:
    """Adapters of one provider name meet in one world, until all are forgotten."""
    first = DemoAdapter("shared")
    assert DemoAdapter("shared").world is first.world is world_of("shared")
    assert DemoAdapter("other").world is not first.world
    forget_worlds()
    assert world_of("shared") is not first.world
    forget_worlds()
