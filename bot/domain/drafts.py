"""What a transition hands to the machine: the grant as it would be, what to log, whom to tell."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bot.domain.grant import Grant
from bot.domain.record import (
    Event,
    EventKind,
    JsonValue,
    Notice,
    NoticeKind,
    card_lane,
    person_lane,
)


class Said(Struct, frozen=True):
    """An event before it knows its time and grant. `actor` where it is not the act's."""

    kind: EventKind
    data: Mapping[str, JsonValue] = {}
    texts: Mapping[str, str] = {}
    actor: str | None = None


class Draft(Struct, frozen=True):
    """A transition's outcome, not yet checked against the table."""

    grant: Grant
    events: tuple[Said, ...] = ()
    notices: tuple[Notice, ...] = ()


class Step(Struct, frozen=True):
    """One change of a grant: to be written in one transaction, whole or not at all.

    `touched` are the fields in which it differs from the grant before; all of them of a new one.
    """

    grant: Grant
    touched: Sequence[str]
    events: tuple[Event, ...]
    notices: tuple[Notice, ...]


def card(grant: Grant) -> Notice:
    """Bring the card up to date. A line in its thread does so too: this is for acts without one."""
    return Notice(card_lane(grant.id), NoticeKind.CARD, grant.id)


def dm(grant: Grant, kind: NoticeKind, **data: JsonValue) -> Notice:
    """Tell the requester; their former messages lose the buttons that no longer apply."""
    return Notice(person_lane(grant.requester), kind, grant.id, data)


def away(grant: Grant) -> Notice:
    """Take buttons that no longer apply off the requester's messages."""
    return dm(grant, NoticeKind.DM_REFRESH)
