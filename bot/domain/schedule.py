"""When a grant wants to be looked at next, and what is due then. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum, auto

from bot.domain.grant import Grant, State


class Due(StrEnum):
    """What the clock makes due for a grant whose `next_at` has come."""

    LAPSE = auto()
    REMIND = auto()
    START = auto()
    GRANT = auto()
    WARN = auto()
    EXTEND = auto()
    EXPIRE = auto()
    REVOKE = auto()


def due(grant: Grant, now: datetime) -> Due | None:
    """What is to be done for a grant now; None in a state in which nothing is."""
    match grant.state:
        case State.PENDING:
            return Due.LAPSE if now >= grant.decide_by else Due.REMIND
        case State.SCHEDULED:
            return Due.START
        case State.GRANTING:
            return Due.GRANT
        case State.ACTIVE:
            return _due_active(grant, now)
        case State.REVOKING:
            return Due.REVOKE
        case _:
            return None


def _due_active(grant: Grant, now: datetime) -> Due:
    if grant.expires_at is None or now >= grant.expires_at:
        return Due.EXPIRE
    if grant.extension is not None and grant.extension.approved:
        return Due.EXTEND
    return Due.WARN


def wake(grant: Grant, now: datetime) -> datetime | None:
    """The moment of the next look: never None while the grant is live."""
    match grant.state:
        case State.PENDING:
            return min(grant.decide_by, _next_reminder(grant, now))
        case State.SCHEDULED:
            return grant.starts_at
        case State.GRANTING | State.REVOKING:
            return now
        case State.ACTIVE:
            return _wake_active(grant, now)
        case _:
            return None


def _next_reminder(grant: Grant, now: datetime) -> datetime:
    """At doubling distance from the asking: after d, 3d, 7d, …"""
    distance = grant.terms.remind_after
    if distance <= timedelta(0):
        return grant.decide_by
    at = grant.created_at + distance
    while at <= now:
        distance *= 2
        at += distance
    return at


def _wake_active(grant: Grant, now: datetime) -> datetime | None:
    if grant.extension is not None and grant.extension.approved:
        return now
    warn_at = warning_time(grant)
    return warn_at if warn_at is not None and warn_at > now else grant.expires_at


def warning_time(grant: Grant) -> datetime | None:
    """When "ends soon" is said; None where the warning would not be shorter than half the grant."""
    if grant.expires_at is None or grant.started_at is None:
        return None
    ahead = grant.terms.warn_before
    if ahead <= timedelta(0) or ahead * 2 >= grant.expires_at - grant.started_at:
        return None
    return grant.expires_at - ahead


def still_unsure(grant: Grant) -> datetime | None:
    """Until when an earlier call may land although the latest was answered.

    After a first call that was answered nothing of ours is under way any more; after a repeated
    one the call that was given up on may be.
    """
    return grant.unsure_until if grant.attempts else None
