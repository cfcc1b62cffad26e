"""Turns: about one message a second for each channel, on a clock that the test moves."""

from dataclasses import dataclass, field

import pytest

from bot.engine.ports import PostLaterError
from bot.slack.pace import Pace


@dataclass
class Hands:
    """A clock whose time passes only by waiting."""

    time: float = 100.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def pace(hands: Hands) -> Pace:
    return Pace(now=hands.now, sleep=hands.sleep)


async def test_a_small_burst_goes_at_once_and_then_one_a_second(pace: Pace, hands: Hands) -> None:
    """Four without waiting; the rest in step."""
    for _ in range(7):
        await pace.turn("C1")
    assert hands.waits == [1.0, 1.0, 1.0]


async def test_channels_do_not_wait_for_each_other(pace: Pace, hands: Hands) -> None:
    """Each has its own burst."""
    for channel in ("C1", "C2", "C3"):
        for _ in range(4):
            await pace.turn(channel)
    assert not hands.waits


async def test_rest_gives_the_burst_back(pace: Pace, hands: Hands) -> None:
    """One message for each second of rest, four at most."""
    for _ in range(4):
        await pace.turn("C1")
    hands.time += 2
    for _ in range(2):
        await pace.turn("C1")
    assert not hands.waits
    hands.time += 1_000
    for _ in range(5):
        await pace.turn("C1")
    assert hands.waits == [1.0]


async def test_over_a_minute_the_rate_is_one_a_second(pace: Pace, hands: Hands) -> None:
    """Whatever is asked for."""
    began = hands.time
    for _ in range(64):
        await pace.turn("C1")
    assert hands.time - began == pytest.approx(60)


async def test_a_long_queue_is_for_later(hands: Hands) -> None:
    """Nobody holds a delivery longer than it has; the turn is not taken."""
    pace = Pace(patience=5, now=hands.now, sleep=_no_sleep)
    for _ in range(9):
        await pace.turn("C1")
    for _ in range(2):
        with pytest.raises(PostLaterError) as told:
            await pace.turn("C1")
        assert told.value.retry_after == pytest.approx(6)
        assert not told.value.unsure


async def _no_sleep(seconds: float) -> None:
    """Waiters that overlap: time does not pass between them."""
    assert seconds > 0


async def test_slack_can_hold_a_channel(pace: Pace, hands: Hands) -> None:
    """Retry-After holds for everything that goes there."""
    pace.hold("C1", 10)
    await pace.turn("C1")
    assert hands.waits == [10.0]
    await pace.turn("C2")
    assert hands.waits == [10.0]


async def test_rested_channels_are_forgotten(pace: Pace, hands: Hands) -> None:
    """Memory does not grow with everybody who was ever told something."""
    for number in range(1_000):
        await pace.turn(f"D{number}")
    hands.time += 10
    await pace.turn("C1")
    assert len(pace._full) == 1
