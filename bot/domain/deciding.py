"""From the asking to the decision: what each act of this part makes of a grant."""

from datetime import datetime
from typing import Final

from bot.domain.acts import Ask, Cancel, Deny, Lapse, Remind, Start, Vote
from bot.domain.codec import PERSON, REASON, person_text
from bot.domain.drafts import Draft, Said, card, dm
from bot.domain.errors import RefusalError
from bot.domain.grant import EndReason, Grant, State, altered
from bot.domain.record import EventKind, Notice, NoticeKind, card_lane
from bot.domain.schedule import wake

K = EventKind
N = NoticeKind


def ask(act: Ask, now: datetime) -> Draft:
    """A new grant: pending, or with `approvals: 0` decided by the policy itself."""
    grant = Grant(
        id=act.grant_id,
        resource=act.resource,
        requester=act.actor,
        reason=act.reason,
        duration=act.duration,
        kind=act.kind,
        order=act.order,
        terms=act.terms,
        policy_hash=act.policy_hash,
        state=State.PENDING,
        created_at=now,
        decide_by=act.decide_by,
        starts_at=act.starts_at,
        ends_by=act.ends_by,
        fact=act.fact,
        incident=act.incident,
    )
    said = Said(
        K.GRANT_REQUESTED,
        {"resource": act.resource, "duration": int(act.duration.total_seconds())},
        {REASON: act.reason, PERSON: person_text(act.order.person)},
    )
    if act.terms.approvals == 0:
        opened, more = _opened(grant, now, actor="policy")
        return Draft(opened, (said, *more), (card(grant),))
    waiting = altered(grant, next_at=wake(grant, now))
    return Draft(waiting, (said,), (card(grant), dm(grant, N.DM_ASKED)))


def _opened(grant: Grant, now: datetime, *, actor: str) -> tuple[Grant, tuple[Said, ...]]:
    """Decided: granting from now, or scheduled. The clock starts when access starts."""
    approved = Said(
        K.GRANT_APPROVED, {"duration": int(grant.duration.total_seconds())}, actor=actor
    )
    if grant.starts_at is not None and grant.starts_at > now:
        scheduled = altered(grant, state=State.SCHEDULED, next_at=grant.starts_at)
        return scheduled, (approved, Said(K.GRANT_SCHEDULED, actor=actor))
    return _granting(grant, now), (approved,)


def _granting(grant: Grant, now: datetime) -> Grant:
    end = now + grant.duration
    if grant.ends_by is not None:
        end = min(end, grant.ends_by)
    return altered(grant, state=State.GRANTING, expires_at=end, attempts=0, next_at=now)


def vote(grant: Grant, act: Vote, now: datetime) -> Draft:
    """One yes; the one that completes the count decides. The shortest time allowed holds."""
    if act.actor == grant.requester:
        raise RefusalError(
            "self_approval",
            "Nobody decides on their own request.",
            hint="Ask one of the other approvers.",
        )
    if act.actor in grant.votes:
        raise RefusalError(
            "voted_already",
            "You have approved this already.",
            hint="It still needs somebody else's approval.",
        )
    if act.duration is not None and act.duration > grant.duration:
        raise RefusalError(
            "longer", "An approval can shorten what was asked for, never lengthen it."
        )
    voted = altered(
        grant,
        votes=(*grant.votes, act.actor),
        duration=act.duration or grant.duration,
    )
    cast = Said(K.VOTE_CAST, {"votes": len(voted.votes), "needed": grant.terms.approvals})
    if len(voted.votes) < grant.terms.approvals:
        return Draft(voted, (cast,))
    opened, more = _opened(voted, now, actor=act.actor)
    several = (cast,) if grant.terms.approvals > 1 else ()
    return Draft(opened, (*several, *more), (dm(grant, N.DM_DECIDED),))


CLOSED: Final = {
    State.DENIED: (EndReason.DENIED, K.GRANT_DENIED),
    State.CANCELLED: (EndReason.CANCELLED, K.GRANT_CANCELLED),
    State.LAPSED: (EndReason.LAPSED, K.GRANT_LAPSED),
}


def deny(grant: Grant, act: Deny, now: datetime) -> Draft:
    if act.actor == grant.requester:
        raise RefusalError(
            "self_denial", "Nobody decides on their own request.", hint="Use Cancel request."
        )
    return _closed(grant, State.DENIED, act.reason, now)


def cancel(grant: Grant, act: Cancel, now: datetime) -> Draft:
    return _closed(grant, State.CANCELLED, act.reason, now)


def lapse(grant: Grant, act: Lapse, now: datetime) -> Draft:
    del act
    return _closed(grant, State.LAPSED, "", now)


def _closed(grant: Grant, state: State, reason: str, now: datetime) -> Draft:
    why, kind = CLOSED[state]
    closed = altered(grant, state=state, end_reason=why, ended_at=now, next_at=None)
    told = {"reason": reason} if reason else {}
    return Draft(
        closed,
        (Said(kind, {}, {"decision_reason": reason} if reason else {}),),
        (dm(grant, N.DM_DECIDED, **told),),
    )


def remind(grant: Grant, act: Remind, now: datetime) -> Draft:
    del act
    return Draft(
        altered(grant, next_at=wake(grant, now)),
        (),
        (Notice(card_lane(grant.id), N.REMINDER, grant.id),),
    )


def start(grant: Grant, act: Start, now: datetime) -> Draft:
    """The hour has come that the access was asked for."""
    del act
    return Draft(_granting(grant, now), (Said(K.GRANT_BEGUN),), (card(grant),))
