"""More time for an active grant: asked for, voted on, moved at the provider."""

from dataclasses import replace
from datetime import datetime

from bot.domain.acts import AskExtension, DenyExtension, Extend, FailExtension, VoteExtension
from bot.domain.codec import EXTENSION_REASON
from bot.domain.drafts import Draft, Said, away, dm
from bot.domain.errors import ProgramError, RefusalError
from bot.domain.grant import Extension, Grant, altered
from bot.domain.record import EventKind, JsonValue, Notice, NoticeKind, card_lane
from bot.domain.schedule import still_unsure, wake

K = EventKind
N = NoticeKind


def ask_extension(grant: Grant, act: AskExtension, now: datetime) -> Draft:
    """The asking; without approvals it goes straight to the provider."""
    if grant.terms.extend_approvals is None:
        raise RefusalError(
            "no_extension",
            f"Access to {grant.resource} cannot be extended.",
            hint="Ask anew when it has ended.",
        )
    if grant.extension is not None:
        raise RefusalError("extension_pending", "An extension is being decided already.")
    check_end(grant, act)
    extension = Extension(
        number=grant.extensions + 1,
        by=act.by,
        asked_by=act.actor,
        asked_at=now,
        reason=act.reason,
        approvals=grant.terms.extend_approvals,
    )
    asked = altered(grant, extension=extension, extensions=extension.number)
    said = Said(K.EXTENSION_ASKED, {"by": _seconds(extension)}, {EXTENSION_REASON: act.reason})
    if extension.approvals == 0:
        approved = _approved(asked, extension, now)
        both = (said, Said(K.EXTENSION_APPROVED, actor="policy"))
        return Draft(approved, both, (away(grant),))
    return Draft(asked, (said,), (away(grant), _vote_card(grant, extension)))


def check_end(grant: Grant, act: AskExtension) -> None:
    """Refuses an end that lies past the hard limit, counted from the start of the access."""
    if grant.expires_at is None or grant.started_at is None:
        raise ProgramError("an active grant has a start and an end")
    room = grant.started_at + grant.terms.max_duration - grant.expires_at
    if act.by <= room:
        return
    minutes = int(room.total_seconds()) // 60
    hint = f"At most {minutes}m more." if minutes else "Ask anew when it has ended."
    raise RefusalError(
        "over_limit", "That would pass the longest time allowed from its start.", hint=hint
    )


def _approved(grant: Grant, extension: Extension, now: datetime) -> Grant:
    if grant.expires_at is None:
        raise ProgramError("an active grant has an end")
    end = grant.expires_at + extension.by
    return altered(grant, extension=replace(extension, end=end), attempts=0, next_at=now)


def vote_extension(grant: Grant, act: VoteExtension, now: datetime) -> Draft:
    """One yes for more time; the one that completes the count sends it to the provider."""
    extension = _open(grant)
    if act.actor in (grant.requester, extension.asked_by):
        raise RefusalError(
            "self_approval",
            "Nobody decides on their own request.",
            hint="Ask one of the other approvers.",
        )
    if act.actor in extension.votes:
        raise RefusalError("voted_already", "You have approved this already.")
    voted = replace(extension, votes=(*extension.votes, act.actor))
    cast = Said(K.VOTE_CAST, {"votes": len(voted.votes), "needed": voted.approvals})
    changed = altered(grant, extension=voted)
    if len(voted.votes) < voted.approvals:
        return Draft(changed, (cast,), (_vote_card(grant, voted),))
    return Draft(_approved(changed, voted, now), (cast, Said(K.EXTENSION_APPROVED)))


def _open(grant: Grant) -> Extension:
    if grant.extension is None or grant.extension.approved:
        raise RefusalError("no_extension_open", "No extension is waiting for a decision.")
    return grant.extension


def deny_extension(grant: Grant, act: DenyExtension, now: datetime) -> Draft:
    del now
    extension = _open(grant)
    return Draft(
        altered(grant, extension=None),
        (Said(K.EXTENSION_DENIED, {}, {"decision_reason": act.reason} if act.reason else {}),),
        (
            _result_card(grant, extension, "denied", actor=act.actor),
            dm(grant, N.DM_EXTENSION, outcome="denied", actor=act.actor, reason=act.reason),
        ),
    )


def extend(grant: Grant, act: Extend, now: datetime) -> Draft:
    """The provider holds the new end; now the row does too."""
    extension = grant.extension
    if extension is None or extension.end is None:
        raise ProgramError("only an approved extension moves an end")
    moved = altered(
        grant,
        expires_at=extension.end,
        duration=grant.duration + extension.by,
        native_end=act.native_end,
        extension=None,
        attempts=0,
        unsure_until=still_unsure(grant),
        last_error=None,
    )
    return Draft(
        altered(moved, next_at=wake(moved, now)),
        (Said(K.GRANT_EXTENDED, {"by": _seconds(extension)}, actor=_decider(extension)),),
        (
            _result_card(grant, extension, "approved", actor=_decider(extension)),
            dm(grant, N.DM_EXTENDED),
        ),
    )


def _decider(extension: Extension) -> str:
    return extension.votes[-1] if extension.votes else "policy"


def fail_extension(grant: Grant, act: FailExtension, now: datetime) -> Draft:
    extension = grant.extension
    if extension is None:
        raise ProgramError("only an extension that was asked for can fail")
    kept = altered(
        grant,
        extension=None,
        attempts=0,
        unsure_until=still_unsure(grant),
        last_error=act.error,
    )
    return Draft(
        altered(kept, next_at=wake(kept, now)),
        (Said(K.EXTENSION_FAILED, {"error": act.error}),),
        (
            _result_card(grant, extension, "failed", error=act.error),
            dm(grant, N.DM_EXTENSION, outcome="failed", error=act.error),
        ),
    )


def void_card(grant: Grant) -> tuple[Notice, ...]:
    """An open extension has nothing left to decide when the access ends."""
    if grant.extension is None:
        return ()
    return (_result_card(grant, grant.extension, "void"),)


def _vote_card(grant: Grant, extension: Extension) -> Notice:
    return Notice(card_lane(grant.id), N.EXTENSION_CARD, grant.id, {"number": extension.number})


def _result_card(grant: Grant, extension: Extension, outcome: str, **data: JsonValue) -> Notice:
    """The row forgets a decided extension, so its card's last words travel with the notice."""
    return Notice(
        card_lane(grant.id),
        N.EXTENSION_CARD,
        grant.id,
        {
            "number": extension.number,
            "outcome": outcome,
            "by": _seconds(extension),
            "asked_by": extension.asked_by,
            **data,
        },
    )


def _seconds(extension: Extension) -> int:
    return int(extension.by.total_seconds())
