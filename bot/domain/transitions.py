"""What each act makes of a grant. `bot.domain.machine` says when it is possible and checks it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from bot.domain.acts import (
    Act,
    Alarm,
    Announce,
    AskExtension,
    Assign,
    Cancel,
    Complete,
    Confirm,
    Deny,
    DenyExtension,
    End,
    Extend,
    Fail,
    FailExtension,
    Finish,
    Issue,
    Lapse,
    Remind,
    Retry,
    Revoke,
    Start,
    Vote,
    VoteExtension,
    Warn,
    Withdraw,
)
from bot.domain.by_hand import assign, complete, void_task
from bot.domain.deciding import cancel, deny, lapse, remind, start, vote
from bot.domain.drafts import Draft, Said, away, dm
from bot.domain.errors import ProgramError
from bot.domain.extending import (
    ask_extension,
    deny_extension,
    extend,
    fail_extension,
    void_card,
    vote_extension,
)
from bot.domain.grant import EndReason, Grant, State, altered
from bot.domain.record import EventKind, JsonValue, NoticeKind
from bot.domain.schedule import still_unsure, wake

K = EventKind
N = NoticeKind

FINISHED: Final = {
    EndReason.EXPIRED: K.GRANT_EXPIRED,
    EndReason.LOST: K.GRANT_LOST,
    EndReason.CLOSED: K.GRANT_CLOSED,
    EndReason.RESOLVED: K.GRANT_RESOLVED,
    EndReason.UNCONFIRMED: K.GRANT_UNCONFIRMED,
}


def _announce(grant: Grant, act: Announce, now: datetime) -> Draft:
    del now
    until = max(grant.unsure_until or act.until, act.until)
    return Draft(altered(grant, unsure_until=until))


def _confirm(grant: Grant, act: Confirm, now: datetime) -> Draft:
    if grant.expires_at is None:
        raise ProgramError("a grant that is being made has an end")
    active = altered(
        grant,
        state=State.ACTIVE,
        started_at=now,
        native_end=act.native_end,
        attempts=0,
        unsure_until=still_unsure(grant),
        last_error=None,
    )
    return Draft(
        altered(active, next_at=wake(active, now)),
        (Said(K.GRANT_STARTED),),
        (dm(grant, N.DM_GRANTED),),
    )


def _fail(grant: Grant, act: Fail, now: datetime) -> Draft:
    why = EndReason.HELD if act.held else EndReason.FAILED
    return Draft(
        altered(
            _ending(grant, why, now),
            held=act.held,
            last_error=act.error,
            unsure_until=still_unsure(grant) if act.landed else grant.unsure_until,
        ),
        (Said(K.GRANT_FAILED, {"error": act.error, "held": act.held}),),
        (dm(grant, N.DM_FAILED, error=act.error, held=act.held), *void_task(grant)),
    )


def _ending(grant: Grant, why: EndReason, now: datetime) -> Grant:
    """On the way out, to be worked on at once. A call that may still land stays known."""
    return altered(
        grant,
        state=State.REVOKING,
        end_reason=why,
        revoking_at=now,
        extension=None,
        task=None,
        attempts=0,
        next_at=now,
        last_error=None,
    )


def _revoke(grant: Grant, act: Revoke, now: datetime) -> Draft:
    return Draft(
        _ending(grant, EndReason.REVOKED, now),
        (
            Said(
                K.GRANT_REVOKED,
                {"role": act.role.value},
                {"revoke_reason": act.reason} if act.reason else {},
            ),
        ),
        (away(grant), *void_card(grant), *void_task(grant)),
    )


def _finish(grant: Grant, act: Finish, now: datetime) -> Draft:
    if act.why is EndReason.EXPIRED and (grant.expires_at is None or now < grant.expires_at):
        raise ProgramError("a grant does not expire before its end")
    return Draft(
        _ending(grant, act.why, now),
        (Said(FINISHED[act.why]),),
        (away(grant), *void_card(grant)),
    )


def _retry(grant: Grant, act: Retry, now: datetime) -> Draft:
    return Draft(
        altered(
            grant,
            attempts=grant.attempts + 1,
            next_at=now + act.after,
            last_error=act.error,
        )
    )


def _alarm(grant: Grant, act: Alarm, now: datetime) -> Draft:
    return Draft(
        altered(grant, overdue_at=grant.overdue_at or now, alarms=grant.alarms + 1),
        (Said(K.REVOKE_OVERDUE, {"error": act.error, "alarm": grant.alarms + 1}),),
    )


def _end(grant: Grant, act: End, now: datetime) -> Draft:
    del act
    ended = altered(
        grant, state=State.ENDED, ended_at=now, next_at=None, unsure_until=None, last_error=None
    )
    failed = grant.end_reason in (EndReason.FAILED, EndReason.HELD)
    return Draft(
        ended,
        (Said(K.GRANT_ENDED, {"held": grant.held, **_overdue_for(grant, now)}),),
        () if failed else (dm(grant, N.DM_ENDED),),
    )


def _overdue_for(grant: Grant, now: datetime) -> dict[str, JsonValue]:
    """How long people were alarmed, in seconds: the line that ends the alarm says so."""
    if grant.overdue_at is None:
        return {}
    return {"overdue": int((now - grant.overdue_at).total_seconds())}


def _issue(grant: Grant, act: Issue, now: datetime) -> Draft:
    del now
    return Draft(_landed(grant, act.announced), (Said(K.CREDENTIALS_ISSUED),))


def _withdraw(grant: Grant, act: Withdraw, now: datetime) -> Draft:
    del now
    return Draft(_landed(grant, act.announced))


def _landed(grant: Grant, announced: datetime | None) -> Grant:
    """The announced call was answered. Another one, announced later, may still be under way."""
    return altered(grant, unsure_until=None) if grant.unsure_until == announced else grant


def _warn(grant: Grant, act: Warn, now: datetime) -> Draft:
    del act, now
    return Draft(altered(grant, next_at=grant.expires_at), (), (dm(grant, N.DM_WARNING),))


TABLE: Final[dict[type[Act], Callable[[Grant, Any, datetime], Draft]]] = {
    Vote: vote,
    Deny: deny,
    Cancel: cancel,
    Lapse: lapse,
    Remind: remind,
    Start: start,
    Announce: _announce,
    Assign: assign,
    Complete: complete,
    Confirm: _confirm,
    Fail: _fail,
    Retry: _retry,
    Issue: _issue,
    Withdraw: _withdraw,
    Warn: _warn,
    AskExtension: ask_extension,
    VoteExtension: vote_extension,
    DenyExtension: deny_extension,
    Extend: extend,
    FailExtension: fail_extension,
    Revoke: _revoke,
    Finish: _finish,
    Alarm: _alarm,
    End: _end,
}
