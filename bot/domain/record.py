"""What is written down about a change: events for the log, notices for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

JsonValue = object
"""None, bool, int, str, or lists and string-keyed mappings of these. Never a float."""


class EventKind(StrEnum):
    """The names in the audit log: past tense and stable; more may be added."""

    GRANT_REQUESTED = "grant.requested"
    VOTE_CAST = "vote.cast"
    GRANT_APPROVED = "grant.approved"
    GRANT_DENIED = "grant.denied"
    GRANT_CANCELLED = "grant.cancelled"
    GRANT_LAPSED = "grant.lapsed"
    GRANT_SCHEDULED = "grant.scheduled"
    GRANT_BEGUN = "grant.begun"
    GRANT_STARTED = "grant.started"
    GRANT_EXTENDED = "grant.extended"
    GRANT_EXPIRED = "grant.expired"
    GRANT_REVOKED = "grant.revoked"
    GRANT_LOST = "grant.lost"
    GRANT_FAILED = "grant.failed"
    GRANT_CLOSED = "grant.closed"
    GRANT_RESOLVED = "grant.resolved"
    GRANT_UNCONFIRMED = "grant.unconfirmed"
    GRANT_ENDED = "grant.ended"
    EXTENSION_ASKED = "extension.asked"
    EXTENSION_APPROVED = "extension.approved"
    EXTENSION_DENIED = "extension.denied"
    EXTENSION_FAILED = "extension.failed"
    CREDENTIALS_ISSUED = "credentials.issued"
    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    CLICK_REFUSED = "click.refused"
    REQUEST_REFUSED = "request.refused"
    REVOKE_OVERDUE = "revoke.overdue"
    TASK_ASSIGNED = "task.assigned"
    TASK_DONE = "task.done"
    ORPHAN_FOUND = "orphan.found"
    ORPHAN_REMOVED = "orphan.removed"
    NOTICE_DROPPED = "notice.dropped"
    POLICY_LOADED = "policy.loaded"
    POLICY_REJECTED = "policy.rejected"
    BOT_STARTED = "bot.started"
    BOT_STOPPED = "bot.stopped"
    CHECKPOINT_SIGNED = "checkpoint.signed"
    RESTORE_SUSPECTED = "restore.suspected"
    RESTORE_CONFIRMED = "restore.confirmed"
    KEY_ROTATED = "key.rotated"
    TEXTS_ERASED = "texts.erased"
    PERSON_ERASED = "person.erased"


K = EventKind
ANNOUNCED: Final = frozenset(
    {
        K.GRANT_REQUESTED,
        K.GRANT_APPROVED,
        K.GRANT_DENIED,
        K.GRANT_CANCELLED,
        K.GRANT_LAPSED,
        K.GRANT_STARTED,
        K.GRANT_EXTENDED,
        K.GRANT_EXPIRED,
        K.GRANT_REVOKED,
        K.GRANT_LOST,
        K.GRANT_FAILED,
        K.GRANT_CLOSED,
        K.GRANT_RESOLVED,
        K.GRANT_UNCONFIRMED,
        K.GRANT_ENDED,
        K.REVOKE_OVERDUE,
        K.TASK_ASSIGNED,
        K.TASK_DONE,
        K.ORPHAN_FOUND,
        K.ORPHAN_REMOVED,
        K.NOTICE_DROPPED,
        K.POLICY_LOADED,
        K.POLICY_REJECTED,
        K.BOT_STARTED,
        K.BOT_STOPPED,
        K.CHECKPOINT_SIGNED,
        K.RESTORE_SUSPECTED,
        K.RESTORE_CONFIRMED,
        K.KEY_ROTATED,
        K.PERSON_ERASED,
    }
)
"""Events that get a line of their own in the audit channel."""

THREADED: Final = frozenset(
    {
        K.VOTE_CAST,
        K.GRANT_APPROVED,
        K.GRANT_DENIED,
        K.GRANT_CANCELLED,
        K.GRANT_LAPSED,
        K.GRANT_STARTED,
        K.GRANT_EXTENDED,
        K.GRANT_EXPIRED,
        K.GRANT_REVOKED,
        K.GRANT_LOST,
        K.GRANT_FAILED,
        K.GRANT_CLOSED,
        K.GRANT_RESOLVED,
        K.GRANT_UNCONFIRMED,
        K.GRANT_ENDED,
        K.EXTENSION_ASKED,
        K.EXTENSION_DENIED,
        K.EXTENSION_FAILED,
        K.CREDENTIALS_ISSUED,
        K.REVOKE_OVERDUE,
        K.TASK_DONE,
    }
)
"""Events that get a line in the thread of the grant's card."""


class Event(Struct, frozen=True):
    """One line for the audit log, before it gets its number and hash.

    `actor` is a Slack user id, `cli:NAME`, or one of `clock`, `worker`, `bot`.
    `texts` holds what people wrote: the chain carries only a salted commitment to each, so that
    the text can be erased later without breaking it.
    `person` and `resource` say whose access it is and to what, for searches: not hashed. Where they
    are left out they are the grant's.
    """

    kind: EventKind
    at: datetime
    actor: str
    grant_id: str | None = None
    data: Mapping[str, JsonValue] = {}
    texts: Mapping[str, str] = {}
    person: str | None = None
    resource: str | None = None


class SealedEvent(Struct, frozen=True):
    """One line of the audit log. `body` is the exact text that was hashed."""

    seq: int
    at: datetime
    kind: EventKind
    actor: str
    grant_id: str | None
    body: str
    texts: Mapping[str, Mapping[str, str]]
    hash: str


class NoticeKind(StrEnum):
    """What there is to tell. The words stand in the templates of the same names."""

    AUDIT_LINE = "audit_line"
    CARD = "card"  # bring the card up to date
    THREAD = "thread"  # a line in the thread of the card, which is brought up to date first
    EXTENSION_CARD = "extension_card"
    TASK_CARD = "task_card"  # what a person is to do by hand
    REMINDER = "reminder"
    DM_ASKED = "dm_asked"
    DM_DECIDED = "dm_decided"
    DM_GRANTED = "dm_granted"
    DM_FAILED = "dm_failed"
    DM_WARNING = "dm_warning"
    DM_EXTENDED = "dm_extended"
    DM_EXTENSION = "dm_extension"  # an extension that was denied or could not be made
    DM_ENDED = "dm_ended"
    DM_REFRESH = "dm_refresh"  # take buttons that no longer apply off the person's messages


AUDIT_LANE: Final = "audit"


def card_lane(grant_id: str) -> str:
    return f"card:{grant_id}"


def person_lane(user: str) -> str:
    return f"dm:{user}"


class Notice(Struct, frozen=True):
    """Something to be told. Order is kept within a lane; lanes do not wait for each other."""

    lane: str
    kind: NoticeKind
    grant_id: str | None = None
    data: Mapping[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class QueuedNotice:
    """A notice on disk. `unsure` means that an earlier attempt had an unknown outcome."""

    id: int
    notice: Notice
    created_at: datetime
    attempts: int
    unsure: bool
    token: str
