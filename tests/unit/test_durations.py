"""What people type for a length of time, and how it is said back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import durations
from bot.domain.errors import RefusalError

LENGTHS = st.timedeltas(min_value=durations.SHORTEST, max_value=durations.LONGEST).map(
    lambda length: timedelta(seconds=length // timedelta(seconds=1))
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("90s", 90),
        ("30m", 1800),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("1w2d3h4m5s", 604_800 + 172_800 + 10_800 + 240 + 5),
        ("1h05m", 3900),
        ("1H30M", 5400),
        ("90m", 5400),
        ("0h1s", 1),
    ],
)
def test_right_forms(text: str, seconds: int) -> None:
    """Whole numbers with units in descending order are read."""
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30min", "30m"),
        ("30mins", "30m"),
        ("30minutes", "30m"),
        ("5m1h", "1h5m"),
        ("1.5h", "1h30m"),
        ("1,5h", "1h30m"),
        ("30m30m", "30m"),
        ("30m15m", "45m"),
        ("2hours", "2h"),
        ("1h 30m", "1h30m"),
        ("-5m", "5m"),
        ("+5m", "5m"),
        ("３０m", "30m"),  # noqa: RUF001 - digits of another script are the point
        ("1day", "1d"),
        ("1.5s", "1s"),
    ],
)
def test_wrong_forms_that_can_be_guessed(text: str, meant: str) -> None:
    """A wrong form is refused with the one that was probably meant."""
    with pytest.raises(RefusalError) as refusal:
        durations.parse(text)

    assert (refusal.value.code, refusal.value.hint) == ("duration", meant)


@pytest.mark.parametrize(
    "text",
    ["", "m", "30", "500ms", "1e9h", "h30", "½h", "thirty", "0.1s", "1.5.5h", "5 0", "99w99x"],
)
def test_wrong_forms_that_cannot_be_guessed(text: str) -> None:
    """Where nothing can be guessed the hint is an example that is right."""
    with pytest.raises(RefusalError) as refusal:
        durations.parse(text)

    assert refusal.value.hint == "30m"
    assert durations.suggest(text) is None


@pytest.mark.parametrize("text", ["0s", "0m", "00h", "0d0h"])
def test_nothing_is_no_duration(text: str) -> None:
    """Less than a second is refused."""
    with pytest.raises(RefusalError, match="shortest duration is 1 second") as refusal:
        durations.parse(text)

    assert refusal.value.hint == "1s"


def test_too_long() -> None:
    """More than ten years is refused before any date can overflow."""
    assert durations.parse("3660d") == durations.LONGEST
    with pytest.raises(RefusalError, match="longer than anything") as refusal:
        durations.parse("999999999w")

    assert durations.parse(refusal.value.hint) == durations.LONGEST


@pytest.mark.parametrize(
    "text",
    [
        "9" * 10 + "s",
        "9" * 5000 + "h",
        "٣٠m",  # noqa: RUF001 - digits of another script are the point
        "30m\n",
        " 30m",
        "30 m",
        "30\u017f",  # an old s, which a careless comparison takes for one
        "1m1h",
        "1h1h",
    ],
)
def test_tricks(text: str) -> None:
    """Overlong numbers, other scripts' digits, blanks and wrong orders are refused."""
    with pytest.raises(RefusalError):
        durations.parse(text)


@pytest.mark.parametrize(
    ("word", "attempt"),
    [
        ("30m", True),
        ("30min", True),
        ("1.5h", True),
        ("-5m", True),
        ("1e9h", True),
        ("1st", True),
        ("３０m", True),  # noqa: RUF001 - digits of another script are the point
        ("500", False),
        ("500x", False),
        ("fix", False),
        ("", False),
        ("h30", False),
    ],
)
def test_attempts(word: str, attempt: bool) -> None:  # noqa: FBT001 - a column of the table
    """A number with a unit's letter is meant as a duration, a bare number is not."""
    assert durations.is_attempt(word) is attempt


@pytest.mark.parametrize(
    ("seconds", "human", "compact"),
    [
        (0, "0 s", "0s"),
        (-5, "0 s", "0s"),
        (59.9, "59 s", "59s"),
        (90, "1 min 30 s", "1m30s"),
        (5400, "1 h 30 min", "1h30m"),
        (86_400, "1 d", "1d"),
        (604_800, "7 d", "7d"),
        (90_061, "1 d 1 h 1 min 1 s", "1d1h1m1s"),
    ],
)
def test_said_back(seconds: float, human: str, compact: str) -> None:
    """A length is said in one fixed wording, in whole seconds."""
    length = timedelta(seconds=seconds)

    assert (durations.human(length), durations.compact(length)) == (human, compact)


def test_quoting() -> None:
    """What is quoted is cut with a mark and shows no unseen characters."""
    assert durations.shown("a\u202eb") == "a�b"
    assert durations.shown("x" * 41) == "x" * 40 + "…"
    assert durations.shown("x" * 40) == "x" * 40


@given(LENGTHS)
def test_round_trip(length: timedelta) -> None:
    """What is said compactly is read as the same length."""
    assert durations.parse(durations.compact(length)) == length


@given(st.text(alphabet="0123456789wdhms.,-+ einu", max_size=20) | st.text(max_size=20))
def test_never_anything_but_a_refusal(text: str) -> None:
    """Any text is a duration or a refusal whose hint is a duration; suggestions are right too."""
    try:
        length = durations.parse(text)
    except RefusalError as error:
        assert durations.parse(error.hint)  # noqa: PT017 - both outcomes are right
    else:
        assert durations.SHORTEST <= length <= durations.LONGEST
    meant = durations.suggest(text)
    assert meant is None or durations.parse(meant)
