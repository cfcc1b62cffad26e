"""The Home tab of one person, as a view. Pure: the same rows give the same page.

A view takes a hundred blocks. Each list has its share of them, and says how many more there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from slack_sdk.models.blocks import Block, ButtonElement, DividerBlock, HeaderBlock, SectionBlock
from slack_sdk.models.views import View

from bot.domain.grant import State
from bot.domain.policy import Resource
from bot.engine.restoring import Standing
from bot.slack.actions import ActionId
from bot.slack.buttons import home_buttons
from bot.slack.message import actions, button, context, mrkdwn, plain, said, section
from bot.slack.story import Story
from bot.slack.words import Words

T = TypeVar("T")

OVERDUE: Final = 5
HAVE: Final = 9
WAITING: Final = 9
ASKED: Final = 7
RECENT: Final = 5
OFFERS: Final = 15
HEADER: Final = 150

HELD: Final = frozenset({State.GRANTING, State.ACTIVE, State.REVOKING})


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What one person's page shows. `overdue` and `restore` stay empty for who is no admin."""

    mine: Sequence[Story] = ()
    waiting: Sequence[Story] = ()
    recent: Sequence[Story] = ()
    offers: Sequence[Resource] = ()
    overdue: Sequence[Story] = ()
    restore: Standing = field(default_factory=Standing)


def render_home(words: Words, facts: HomeFacts) -> View:
    """The whole page, within Slack's limit of blocks."""
    have = [story for story in facts.mine if story.grant.state in HELD]
    asked = [story for story in facts.mine if story.grant.state not in HELD]
    page = _Page(words)
    parts = [
        page.banner(facts.overdue),
        page.restored(facts.restore),
        page.part("waiting", facts.waiting, WAITING, page.waiting),
        page.part("have", have, HAVE, page.own("have_one"), empty="have_none"),
        page.part("asked", asked, ASKED, page.own("asked_one")),
        page.part("offers", facts.offers, OFFERS, page.offer, empty="offers_none"),
        page.part("recent", facts.recent, RECENT, page.former),
    ]
    blocks: list[Block] = []
    for part in parts:
        if part and blocks:
            blocks.append(DividerBlock())
        blocks += part
    return View(type="home", blocks=blocks)


def away_home(words: Words, message: str, hint: str = "") -> View:
    """The page when it cannot be made: why, and what to do."""
    body = section(words.mrkdwn("home", "away", message=message, hint=hint))
    return View(type="home", blocks=[body] if body else [])


class _Page:
    """The parts of the page, in the words of the template."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def part(
        self,
        name: str,
        things: Sequence[T],
        most: int,
        show: Callable[[T], list[Block | None]],
        *,
        empty: str = "",
    ) -> list[Block]:
        """A heading, what there is, and how much of it was left out; nothing for nothing."""
        if not things and not empty:
            return []
        blocks: list[Block | None] = [
            HeaderBlock(text=plain(self._words.plain("home", name), HEADER))
        ]
        if not things:
            blocks.append(context(self._say(empty)))
        for thing in things[:most]:
            blocks += show(thing)
        blocks.append(self._more(things, most))
        return [block for block in blocks if block is not None]

    def banner(self, overdue: Sequence[Story]) -> list[Block]:
        """For admins: what should be gone and is not."""
        if not overdue:
            return []
        lines = [self._say("overdue_one", **story.facts) for story in overdue[:OVERDUE]]
        shown = section(self._say("overdue", count=len(overdue)))
        blocks = [shown, *(context(line) for line in lines), self._more(overdue, OVERDUE)]
        return [block for block in blocks if block is not None]

    def restored(self, restore: Standing) -> list[Block]:
        """For admins: what waits for their word."""
        if not restore.waits:
            return []
        count = len(restore.unknown)
        part = "restored" if restore.is_restored else "unknown"
        facts = {"log": restore.log, "signed": restore.signed, "count": count}
        shown = section(self._say(part, **facts))
        return [shown] if shown is not None else []

    def own(self, part: str) -> Callable[[Story], list[Block | None]]:
        """A grant of one's own, with its buttons."""

        def show(story: Story) -> list[Block | None]:
            buttons = home_buttons(story, mine=True)
            return [*self._with(self._say(part, **story.facts), buttons)]

        return show

    def waiting(self, story: Story) -> list[Block | None]:
        """A request or an extension to decide on, with the reason in the requester's words."""
        grant = story.grant
        open_one = grant.state is State.PENDING
        reason = grant.reason if open_one else (grant.extension.reason if grant.extension else "")
        return [
            section(self._say("waiting_one", **story.facts)),
            said(reason),
            actions(home_buttons(story, mine=False)),
        ]

    def offer(self, offer: Resource) -> list[Block | None]:
        """Something to ask for."""
        ask = button(ActionId.ASK, "Ask", offer.name, described=f"Ask for {offer.name}")
        return self._with(self._say("offers_one", offer=offer), [ask])

    def former(self, story: Story) -> list[Block | None]:
        """Something that is over."""
        return [context(self._say("recent_one", **story.facts))]

    def _with(self, text: str, buttons: Sequence[ButtonElement]) -> list[Block | None]:
        """One button stands beside the text, several below it."""
        if len(buttons) == 1:
            return [SectionBlock(text=mrkdwn(text), accessory=buttons[0])]
        return [section(text), actions(buttons)]

    def _more(self, things: Sequence[object], most: int) -> Block | None:
        left = len(things) - most
        return context(self._say("more", count=left)) if left > 0 else None

    def _say(self, part: str, **facts: object) -> str:
        return self._words.mrkdwn("home", part, **facts)
