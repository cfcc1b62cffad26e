"""Times of day in people's own zones: clock changes, leap days, what has passed."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import moments
from bot.domain.errors import RefusalError
from bot.domain.moments import Moment

BERLIN = "Europe/Berlin"
ZONES = st.sampled_from(
    ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "now", "instant"),
    [
        # Later today, and tomorrow once it has passed; the very moment has passed.
        ("18:00", (2026, 7, 1, 10, 0), (2026, 7, 1, 16, 0)),
        ("18:00", (2026, 7, 1, 16, 0), (2026, 7, 2, 16, 0)),
        ("18:00", (2026, 7, 1, 20, 0), (2026, 7, 2, 16, 0)),
        # Midnight of the person, not of UTC.
        ("00:30", (2026, 7, 1, 22, 15), (2026, 7, 1, 22, 30)),
        # Over the night in which the clocks go forward (29 March 2026) and back (25 October).
        ("18:00", (2026, 3, 28, 20, 0), (2026, 3, 29, 16, 0)),
        ("18:00", (2026, 10, 24, 20, 0), (2026, 10, 25, 17, 0)),
        # 02:30 stands twice on the clocks: the first, then the second, then tomorrow's.
        ("02:30", (2026, 10, 24, 23, 0), (2026, 10, 25, 0, 30)),
        ("02:30", (2026, 10, 25, 0, 45), (2026, 10, 25, 1, 30)),
        ("02:30", (2026, 10, 25, 2, 0), (2026, 10, 26, 1, 30)),
        # 02:30 was skipped this morning and is asked for in the evening: tomorrow's is meant.
        ("02:30", (2026, 3, 29, 18, 0), (2026, 3, 30, 0, 30)),
        # New Year and a leap day.
        ("01:00", (2026, 12, 31, 20, 0), (2027, 1, 1, 0, 0)),
        ("12:00", (2028, 2, 28, 20, 0), (2028, 2, 29, 11, 0)),
        ("2028-02-29 12:00", (2026, 7, 1, 10, 0), (2028, 2, 29, 11, 0)),
        ("2026-12-01 18:00", (2026, 7, 1, 10, 0), (2026, 12, 1, 17, 0)),
    ],
)
def test_golden(moment: str, now: tuple[int, ...], instant: tuple[int, ...]) -> None:
    """A time in Berlin is the right instant in UTC."""
    found = moments.resolve(read(moment), timezone=BERLIN, after=utc(*now))

    assert found == utc(*instant)


@pytest.mark.parametrize(
    ("moment", "now", "said"),
    [
        ("02:30", (2026, 3, 28, 23, 30), "does not exist on 2026-03-29"),
        ("2026-03-29 02:30", (2026, 1, 1, 0, 0), "does not exist on 2026-03-29"),
        ("2026-06-30 18:00", (2026, 7, 1, 10, 0), "has passed"),
        ("9999-12-31 23:59", (2026, 7, 1, 10, 0), None),
    ],
)
def test_refused(moment: str, now: tuple[int, ...], said: str | None) -> None:
    """Times that the clocks skip and days that have passed are refused, never moved."""
    if said is None:
        assert moments.resolve(read(moment), timezone=BERLIN, after=utc(*now)) > utc(*now)
        return
    with pytest.raises(RefusalError, match=said) as refusal:
        moments.resolve(read(moment), timezone=BERLIN, after=utc(*now))

    assert (refusal.value.code, refusal.value.hint) == ("moment", moments.FORMS)


def test_out_of_reach() -> None:
    """A day at the end of the calendar in a western zone is refused and breaks nothing."""
    with pytest.raises(RefusalError, match="out of reach"):
        moments.resolve(
            read("9999-12-31 23:59"), timezone="America/New_York", after=utc(2026, 7, 1)
        )


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "a\x00b"])
def test_unknown_zones(name: str) -> None:
    """A zone that is not known is refused with the way out."""
    with pytest.raises(RefusalError) as refusal:
        moments.resolve(read("18:00"), timezone=name, after=utc(2026, 7, 1))

    assert refusal.value.code == "timezone"
    assert "2h" in refusal.value.hint


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("10pm", "22:00"),
        ("12am", "00:00"),
        ("12pm", "12:00"),
        ("10:30pm", "22:30"),
        ("22.00", "22:00"),
        ("22h15", "22:15"),
        ("2200", "22:00"),
        ("24:00", "00:00"),
        ("25:00", None),
        ("13pm", None),
        ("22", None),
        ("noon", None),
        ("18:75", None),
    ],
)
def test_suggestions(word: str, meant: str | None) -> None:
    """The time that was probably meant is found, and nothing is made up."""
    assert moments.suggest_clock(word) == meant


@pytest.mark.parametrize(
    ("word", "attempt"),
    [
        ("18:00", True),
        ("9.30", True),
        ("10pm", True),
        ("tomorrow", True),
        ("2026-12-01", True),
        ("2026-12-01t18:00", True),
        ("22", False),
        ("customer's", False),
        ("", False),
    ],
)
def test_attempts(word: str, attempt: bool) -> None:  # noqa: FBT001 - a column of the table
    """Words that were meant as a time are told from words of a reason."""
    assert moments.is_attempt(word) is attempt


def test_near_days() -> None:
    """Today and tomorrow are the person's, not UTC's."""
    now = utc(2026, 7, 1, 23, 0)

    assert moments.near_day("today", timezone=BERLIN, now=now) == date(2026, 7, 2)
    assert moments.near_day("tomorrow", timezone=BERLIN, now=now) == date(2026, 7, 3)
    assert moments.near_day("friday", timezone=BERLIN, now=now) is None


def test_spelling() -> None:
    """A moment is said as it is typed."""
    assert str(Moment(time(9, 5))) == "09:05"
    assert str(Moment(time(18, 0), date(2026, 12, 1))) == "2026-12-01 18:00"


def test_words() -> None:
    """Only times and days that a clock and a calendar have are read."""
    assert moments.clock_of("9:30") == time(9, 30)
    assert moments.clock_of("24:00") is None
    assert moments.clock_of("9:3") is None
    assert moments.day_of("2027-02-28") == date(2027, 2, 28)
    assert moments.day_of("2027-02-29") is None
    assert moments.day_of("1.12.2026") is None


@given(st.times(), ZONES, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_the_next_occurrence(clock: time, zone: str, now: datetime) -> None:
    """A bare time is shown by the person's clock, later than now and within two days."""
    clock = clock.replace(second=0, microsecond=0, tzinfo=None, fold=0)
    after = now.replace(tzinfo=UTC)
    try:
        found = moments.resolve(Moment(clock), timezone=zone, after=after)
    except RefusalError as error:
        assert "does not exist" in error.message  # noqa: PT017 - both outcomes are right
        return

    assert found > after
    assert (found - after).total_seconds() <= 49 * 3600
    assert found.astimezone(moments.zone_of(zone)).time() == clock


def read(text: str) -> Moment:
    day, _, clock = text.rpartition(" ")
    found = moments.clock_of(clock)
    assert found is not None
    return Moment(found, moments.day_of(day))
