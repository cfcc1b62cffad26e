"""A notice about a grant together with all that it takes to tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.grant import Grant
from bot.domain.policy import Resource
from bot.domain.record import QueuedNotice
from bot.engine.ports import Posting, PostLaterError, PostRefusedError
from bot.slack.calls import Label, Place
from bot.slack.story import Story

CARD: Final = "card"
CARD_WAIT: Final = 2.0
CARD_TRIES: Final = 5
"""How often a line waits for its card before it is given up: the card was refused."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything as it is now; `postings` are the grant's messages, by role."""

    notice: QueuedNotice
    story: Story
    resource: Resource | None
    postings: Mapping[str, Posting]

    @property
    def grant(self) -> Grant:
        return self.story.grant

    def label(self, role: str) -> Label:
        return Label(self.notice.id, role, self.grant.id)


def card_of(case: Case) -> Posting:
    """The grant's card. Raises `PostLaterError` while it may come, else `PostRefusedError`."""
    card = case.postings.get(CARD)
    if card is not None:
        return card
    if case.notice.attempts < CARD_TRIES:
        raise PostLaterError("the card is not there yet", retry_after=CARD_WAIT)
    raise PostRefusedError("no_card", "The card of this grant could not be posted.")


def thread_under(card: Posting) -> Place:
    return Place(card.channel, thread=card.ts)
