"""Text from people: shown whole, doing nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import CUT_MARK, code, cut, escaped, fenced, inline, mention, quoted, visible

RAW = re.compile(r"[<>*~`]|&(?!(?:amp|lt|gt);)")


@given(st.text())
def test_escaped_text_holds_nothing_that_slack_reads(text: str) -> None:
    """No brackets, no formatting, no bare ampersand, no shortcode."""
    shown = str(escaped(text))
    assert not RAW.search(shown)
    assert not re.search(r"(?<![a-zA-Z0-9])_|_(?![a-zA-Z0-9])", shown)
    assert not re.search(r":[a-zA-Z0-9_+'-]{1,100}:", shown)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), max_size=50))
def test_plain_letters_stay_as_they_are(text: str) -> None:
    """Nothing is changed that need not be."""
    assert escaped(text) == text


def test_names_keep_their_underscores() -> None:
    """One between letters formats nothing, and names are copied."""
    assert escaped("prod_db_2") == "prod_db_2"
    assert escaped("_prod_") == "\uff3fprod\uff3f"


def test_what_imitates_formatting_is_shown_by_look_alikes() -> None:
    """The words stay readable."""
    assert escaped("*Approved* :tada: <!here>") == "\u2217Approved\u2217 \u2236tada: &lt;!here&gt;"


@given(st.text())
def test_visible_text_holds_nothing_unseen(text: str) -> None:
    """But line breaks."""
    for character in visible(text):
        assert character == "\n" or character in "\u200c\u200d" or character.isprintable()


@given(st.text(), st.integers(1, 50))
def test_a_cut_is_marked_and_short(text: str, limit: int) -> None:
    """Whole, or with the mark behind at most so many characters."""
    shown = cut(text, limit)
    assert shown == text or (shown.endswith(CUT_MARK) and len(shown) <= limit + len(CUT_MARK))


@given(st.text())
def test_words_for_a_block_are_never_empty(text: str) -> None:
    """Slack refuses an empty text."""
    assert quoted(text).strip() or quoted(text) == "-"
    assert len(quoted(text)) <= 1_000 + 2 * len(CUT_MARK)


@given(st.text())
def test_code_cannot_be_left(text: str) -> None:
    """The only backticks are ours, on one line, and in a fence at both ends."""
    assert str(code(text)).count("`") == 2
    assert "\n" not in code(text)
    assert str(fenced(text)).count("`") == 6


@given(st.text())
def test_a_line_stays_a_line(text: str) -> None:
    """Nobody's words begin a line of ours."""
    assert "\n" not in inline(text)


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("U0DANA", "<@U0DANA>"),
        ("W0DANA", "<@W0DANA>"),
        ("S0DBA", "<!subteam^S0DBA>"),
        ("!channel", "!channel"),
        ("U0DANA>", "U0DANA&gt;"),
        ("u0dana", "u0dana"),
    ],
)
def test_only_ids_become_mentions(user: str, shown: str) -> None:
    """Whatever else comes is text."""
    assert mention(user) == shown
