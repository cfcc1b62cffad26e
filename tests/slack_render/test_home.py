"""The Home tab: everything of one person, within Slack's limit of blocks, kept up to date."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.grant import EndReason, altered, new_id
from bot.slack.home import HomeFacts, away_home, render_home
from bot.slack.words import Words
from sandbox.player import buttons_of, text_of
from tests.slack_render.gallery import asked, lives
from tests.slack_render.kit import check_whole_view
from tests.slack_render.test_forms import offers
from tests.slack_render.test_limits import HOSTILE

if TYPE_CHECKING:
    from bot.slack.story import Story

WORDS = Words()
counts = st.tuples(*[st.integers(0, 40)] * 6)


def many(life: str, count: int, reason: str = "fix it") -> list[Story]:
    story = lives(reason, name=reason)[life].story()
    return [replace(story, grant=altered(story.grant, id=new_id())) for _ in range(count)]


@settings(max_examples=20, deadline=None)
@given(counts)
def test_any_amount_of_anything_fits(amounts: tuple[int, ...]) -> None:
    """Each list has its share of the hundred blocks."""
    a, b, c, d, e, f = amounts
    view = render_home(
        WORDS,
        HomeFacts(
            mine=[*many("active", a), *many("pending", b)],
            waiting=[*many("pending", c), *many("extension open", c)],
            recent=many("expired", d),
            offers=offers(e),
            overdue=many("overdue", f),
        ),
    ).to_dict()
    check_whole_view(view)
    if a > 9:
        assert f"and {a - 9} more" in text_of(view)


@pytest.mark.parametrize("reason", HOSTILE)
def test_any_text_fits(reason: str) -> None:
    """Names and reasons of others stand on this page too."""
    view = render_home(
        WORDS,
        HomeFacts(
            mine=[life.story() for life in lives(reason, name=reason).values()][:9],
            waiting=[*many("pending", 1, reason), *many("extension open", 1, reason)],
            recent=many("failed", 1, reason),
            offers=offers(1, reason),
            overdue=many("overdue", 1, reason),
        ),
    ).to_dict()
    check_whole_view(view)
    check_whole_view(away_home(WORDS, reason, reason).to_dict())


def test_the_page_of_somebody_who_has_nothing() -> None:
    """It says so, and how that comes."""
    view = render_home(WORDS, HomeFacts()).to_dict()
    assert [line for line in text_of(view).split("\n") if line] == [
        "What you have",
        "Nothing right now.",
        "What you may ask for",
        "Nothing here. The policy says who may ask for what; an admin can tell you more.",
    ]


def test_what_can_be_pressed_there() -> None:
    """One's own can be ended, what waits can be decided, what is offered can be asked for."""
    facts = HomeFacts(
        mine=[lives()["active"].story(), asked().story()],
        waiting=[*many("pending", 1), *many("extension open", 1)],
        offers=offers(1),
    )
    assert buttons_of(render_home(WORDS, facts).to_dict()) == [
        "Approve",
        "Deny",
        "Approve",
        "Deny",
        "Get credentials",
        "Extend",
        "Revoke now",
        "Cancel request",
        "Ask",
    ]


def test_what_is_overdue_stands_first_for_admins() -> None:
    """A banner with whose it is and since when."""
    life = asked().vote().confirm().finish(EndReason.EXPIRED).alarm()
    view = render_home(WORDS, HomeFacts(overdue=[life.story()])).to_dict()
    first, second = (text_of(block) for block in view["blocks"][:2])
    assert first.startswith("🔴 *Overdue:* 1 should be gone and is not.")
    assert second.startswith("`prod-db` of <@U0DANA>, since <!date^")


async def test_the_loop_is_not_needed_to_render() -> None:
    """Pure: the same facts give the same page, anywhere."""
    facts = HomeFacts(mine=many("active", 1))
    there = await asyncio.to_thread(lambda: render_home(WORDS, facts).to_dict())
    assert there == render_home(WORDS, facts).to_dict()
