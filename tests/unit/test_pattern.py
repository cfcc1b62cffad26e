"""Patterns are found in time that grows with the text alone, or refused when the policy is read."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pattern import PatternError, compiled, is_in

HOSTILE = (
    ("(a+)+$", "a" * 3_000 + "!"),
    ("(a|aa)+$", "a" * 3_000 + "!"),
    ("a*a*a*a*a*a*a*b", "a" * 3_000),
    ("(x+x+)+y", "x" * 3_000),
    ("(.*a){20}", "b" * 3_000 + "a" * 19),
    ("(a{1,100}){1,100}$", "a" * 2_999 + "b"),
)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("pattern", "text"), HOSTILE)
def test_no_pattern_takes_for_ever(pattern: str, text: str) -> None:
    """Where an engine that backtracks would not be done this century, this one says no."""
    assert not is_in(pattern, text)


def test_found_anywhere() -> None:
    """As the policy's writer expects: somewhere in it, in the case that is written."""
    assert is_in("INC-[0-9]+", "for INC-12, as agreed")
    assert is_in("(?i)inc-[0-9]+", "INC-12")
    assert is_in("^INC-[0-9]+$", "INC-12")
    assert not is_in("^INC-[0-9]+$", "see INC-12")
    assert not is_in("INC-[0-9]+", "inc-12")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "unclosed group"),
        ("(?=a)b", "look-around, including look-ahead and look-behind, is not supported"),
        (r"(a)\1", "backreferences are not supported"),
        ("((a{1,100}){1,100}){1,100}", "its repetitions make it too large"),
    ],
)
def test_what_cannot_be_read(pattern: str, why: str) -> None:
    """The reason is said, and the pattern is not quoted: an interpolated secret may be in it."""
    with pytest.raises(PatternError) as caught:
        compiled(pattern)

    assert str(caught.value) == why


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_found_by_its_own_pattern(text: str, before: str, after: str) -> None:
    """What is escaped stands for itself, wherever it is."""
    assert is_in(re.escape(text), before + text + after)


@given(st.text(max_size=40), st.text(st.characters(), max_size=200))
def test_any_pattern_and_text(pattern: str, text: str) -> None:
    """No error but the one that is promised, halves of surrogate pairs included."""
    with suppress(PatternError):
        is_in(pattern, text)
