"""What happened to a grant meanwhile, in a sentence, for somebody whose click came too late."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.grant import Grant, State
from bot.domain.record import EventKind, SealedEvent

K = EventKind
DONE: Final[Mapping[EventKind, str]] = {
    K.GRANT_APPROVED: "approved this",
    K.GRANT_DENIED: "denied this",
    K.GRANT_CANCELLED: "cancelled this",
    K.GRANT_REVOKED: "ended this",
}
"""Acts of people that a late click may have met."""

STANDS: Final[Mapping[State, str]] = {
    State.PENDING: "This is still waiting for a decision.",
    State.SCHEDULED: "This is approved and has not started yet.",
    State.GRANTING: "This is approved and being set up.",
    State.ACTIVE: "This is approved and active.",
    State.REVOKING: "This access is being taken away.",
    State.ENDED: "This access has ended.",
    State.DENIED: "This was denied.",
    State.CANCELLED: "This was cancelled.",
    State.LAPSED: "Nobody decided in time; this has lapsed.",
}


def clock_time(at: datetime, zone: str) -> str:
    """Hours and minutes where the reader is; UTC, and said so, where that is not known."""
    try:
        return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    except (ZoneInfoNotFoundError, ValueError):
        return at.strftime("%H:%M UTC")


def last_act(events: Sequence[SealedEvent]) -> SealedEvent | None:
    """The latest decision or end that a person brought about."""
    return next((event for event in reversed(events) if event.kind in DONE), None)


def present_state(grant: Grant, act: SealedEvent | None, *, who: str, zone: str) -> str:
    """One sentence: "Maya approved this at 14:02." where a person did it, else how it stands."""
    if act is None or grant.state in (State.PENDING, State.LAPSED):
        return STANDS[grant.state]
    if act.kind is K.GRANT_APPROVED and grant.state in (State.REVOKING, State.ENDED):
        return STANDS[grant.state]
    return f"{who} {DONE[act.kind]} at {clock_time(act.at, zone)}."
