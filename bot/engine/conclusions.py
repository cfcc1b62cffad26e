"""What a provider's answer means for a grant, by the rows and the time of now. Pure.

Concluded inside the transaction that records it, so that "now" is the database's.
"""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from adapters.base import Presence
from bot.domain.acts import (
    Act,
    Alarm,
    Announce,
    Assign,
    Confirm,
    End,
    Extend,
    Fail,
    FailExtension,
    Retry,
    Role,
)
from bot.domain.by_hand import WANTED
from bot.domain.grant import Grant
from bot.domain.schedule import Due

ACTOR: Final = "worker"
LONGEST_DISTANCE: Final = 60.0
"""Seconds between two tries at most; we never stop trying to take access away."""
ALARM_AFTER: Final = timedelta(minutes=1)
FIRST_REPEAT: Final = timedelta(minutes=5)
LONGEST_REPEAT: Final = timedelta(hours=1)


class Answer(Struct, frozen=True):
    """What came of a provider's calls: a presence, or an error with what it means.

    `settle` is how long a call that was given up on may still take effect. `age` is for how long
    the answer has been under way, from before the first call on. `by_hand`: a person has to do it.
    """

    presence: Presence | None = None
    native_end: datetime | None = None
    error: str | None = None
    refused: bool = False
    retry_after: float | None = None
    settle: timedelta = timedelta(0)
    age: Callable[[], timedelta] = lambda: timedelta(0)
    by_hand: bool = False


def distance(attempts: int, asked: float | None = None) -> timedelta:
    """How long until the next try: doubling from half a second, with jitter; or as asked."""
    wait = min(0.5 * 2.0 ** min(attempts, 10), LONGEST_DISTANCE)
    if asked is not None:
        wait = min(max(wait, asked), LONGEST_DISTANCE)
    return timedelta(seconds=wait * random.uniform(0.75, 1.0))  # noqa: S311 - no secret in it


def conclude(due: Due, answer: Answer, grant: Grant, now: datetime) -> tuple[Act, ...]:
    """The acts that record the answer, in order."""
    acts = CONCLUSIONS[due](answer, grant, now)
    wanted = WANTED.get(grant.state)
    if not answer.by_hand or wanted is None or grant.task is wanted:
        return acts
    return (Assign(actor=ACTOR, role=Role.WORKER, task=wanted), *acts)


def concluded_look(answer: Answer, grant: Grant, until: datetime) -> tuple[Act, ...]:
    """Before our first call: what is there was there before us, and is not ours to take away."""
    if answer.error is not None:
        return (_failed(answer, grant),)
    if answer.presence is Presence.ABSENT:
        return (Announce(actor=ACTOR, role=Role.WORKER, until=until),)
    error = "the access was there already"
    return (Fail(actor=ACTOR, role=Role.WORKER, error=error, held=True, landed=True),)


def _failed(answer: Answer, grant: Grant) -> Act:
    if answer.refused:
        return Fail(actor=ACTOR, role=Role.WORKER, error=answer.error or "", landed=True)
    return _again(answer, grant, answer.error or "")


def _again(answer: Answer, grant: Grant, error: str) -> Retry:
    after = distance(grant.attempts, answer.retry_after)
    return Retry(actor=ACTOR, role=Role.WORKER, error=error, after=after)


def _granted(answer: Answer, grant: Grant, now: datetime) -> tuple[Act, ...]:
    del now
    if answer.error is not None:
        return (_failed(answer, grant),)
    if answer.presence is not Presence.PRESENT:
        return (_again(answer, grant, f"the provider shows it as {answer.presence}"),)
    return (Confirm(actor=ACTOR, role=Role.WORKER, native_end=answer.native_end),)


def _extended(answer: Answer, grant: Grant, now: datetime) -> tuple[Act, ...]:
    del now
    if answer.refused:
        return (FailExtension(actor=ACTOR, role=Role.WORKER, error=answer.error or ""),)
    if answer.error is not None:
        return (_again(answer, grant, answer.error),)
    return (Extend(actor=ACTOR, role=Role.WORKER, native_end=answer.native_end),)


def _revoked(answer: Answer, grant: Grant, now: datetime) -> tuple[Act, ...]:
    if answer.error is not None:
        return _late(answer, grant, now, answer.error)
    if answer.presence is not Presence.ABSENT:
        return _late(answer, grant, now, f"still {answer.presence} after the revoke")
    # By when it was looked: it may take long until that can be written down.
    if grant.unsure_until is not None and now - answer.age() < (
        sure := grant.unsure_until + answer.settle
    ):
        waiting = "gone; a call that was given up on could still land"
        after = max(sure - now, timedelta(0))
        return (Retry(actor=ACTOR, role=Role.WORKER, error=waiting, after=after),)
    return (End(actor=ACTOR, role=Role.WORKER),)


def _late(answer: Answer, grant: Grant, now: datetime, error: str) -> tuple[Act, ...]:
    """A refusal needs a human at once; anything else gets a minute before it alarms."""
    again = _again(answer, grant, error)
    if now >= _alarm_at(grant, refused=answer.refused):
        return (Alarm(actor=ACTOR, role=Role.WORKER, error=error), again)
    return (again,)


def _alarm_at(grant: Grant, *, refused: bool) -> datetime:
    """When people are told next: rising (5, 10, 20, 40 minutes apart), then every hour."""
    begun = grant.revoking_at or datetime.min.replace(tzinfo=UTC)
    if grant.overdue_at is None:
        return begun if refused else begun + ALARM_AFTER
    at, distance_now = grant.overdue_at, FIRST_REPEAT
    for _ in range(grant.alarms):
        at += distance_now
        distance_now = min(distance_now * 2, LONGEST_REPEAT)
    return at


CONCLUSIONS: Final[Mapping[Due, Callable[[Answer, Grant, datetime], tuple[Act, ...]]]] = {
    Due.GRANT: _granted,
    Due.EXTEND: _extended,
    Due.REVOKE: _revoked,
}
