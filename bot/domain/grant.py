"""A grant: one person's access to one resource, from the asking to the proven end.

Frozen records only. What may happen to them stands in `bot.domain.machine`. Those that are made by
the thousand in one second are structs of msgspec, which makes and changes them outside of Python.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, auto
from itertools import compress
from operator import is_not
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple, replace

CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH: Final = 12
"""60 random bits: two grants never meet, and a person can still read one aloud."""


def new_id() -> str:
    """A fresh grant id: 12 characters of lower-case Crockford base32."""
    return "".join(secrets.choice(CROCKFORD) for _ in range(ID_LENGTH))


class State(StrEnum):
    """Where a grant stands. Once granting has begun the only way out is through revoking."""

    PENDING = auto()
    SCHEDULED = auto()
    GRANTING = auto()
    ACTIVE = auto()
    REVOKING = auto()
    ENDED = auto()
    DENIED = auto()
    CANCELLED = auto()
    LAPSED = auto()

    @property
    def live(self) -> bool:
        """Something can still happen to it."""
        return self in LIVE

    @property
    def at_provider(self) -> bool:
        """There may be something of it at the provider."""
        return self in AT_PROVIDER


LIVE: Final = frozenset(
    {State.PENDING, State.SCHEDULED, State.GRANTING, State.ACTIVE, State.REVOKING}
)
AT_PROVIDER: Final = frozenset({State.GRANTING, State.ACTIVE, State.REVOKING})


class Kind(StrEnum):
    """By which door the grant came."""

    STANDARD = auto()
    EMERGENCY = auto()
    EXCEPTION = auto()


class EndReason(StrEnum):
    """Why a grant left the way to, or the state of, access."""

    DENIED = auto()
    CANCELLED = auto()
    LAPSED = auto()
    EXPIRED = auto()
    REVOKED = auto()
    LOST = auto()
    FAILED = auto()
    HELD = auto()  # the person had it before us
    CLOSED = auto()
    RESOLVED = auto()
    UNCONFIRMED = auto()


class Task(StrEnum):
    """What a person does by hand where no program can."""

    MAKE = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person as the provider needs to know them, as of the asking."""

    user: str
    email: str | None = None
    name: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make true at the provider: a snapshot, so that a revoke never needs the policy."""

    provider: str
    adapter: str
    params: Mapping[str, object]
    person: Recipient


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules that a grant was asked for under. `extend_approvals` is None for never."""

    approvals: int
    max_duration: timedelta
    warn_before: timedelta
    remind_after: timedelta
    extend_approvals: int | None


@dataclass(frozen=True, slots=True)
class Extension:
    """More time that was asked for: waiting for votes, then (`end` set) for the provider."""

    number: int
    by: timedelta
    asked_by: str
    asked_at: datetime
    reason: str
    approvals: int
    votes: tuple[str, ...] = ()
    end: datetime | None = None

    @property
    def approved(self) -> bool:
        return self.end is not None


class Grant(Struct, frozen=True):
    """One row, one state machine. Times are aware UTC.

    `next_at` is when it wants to be looked at next; a claim moves it to the lease's end.
    `unsure_until` is set before a grant call goes out and cleared by its answer: until then (and
    the adapter's `settle` on top) a call that we gave up on may still land.
    `task` is what people were asked to do by hand and have not done, `done` the last that they did.
    """

    id: str
    resource: str
    requester: str
    reason: str
    duration: timedelta
    kind: Kind
    order: Order
    terms: Terms
    policy_hash: str
    state: State
    created_at: datetime
    decide_by: datetime
    starts_at: datetime | None = None
    ends_by: datetime | None = None
    started_at: datetime | None = None
    expires_at: datetime | None = None
    revoking_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    votes: tuple[str, ...] = ()
    extension: Extension | None = None
    extensions: int = 0
    held: bool = False
    fact: str | None = None
    native_end: datetime | None = None
    overdue_at: datetime | None = None
    alarms: int = 0
    incident: str | None = None
    task: Task | None = None
    done: Task | None = None
    version: int = 1
    attempts: int = 0
    next_at: datetime | None = None
    lease_owner: str | None = None
    lease_token: str | None = None
    unsure_until: datetime | None = None
    last_error: str | None = None


GRANT_FIELDS: Final = Grant.__struct_fields__
altered: Final = replace
"""The grant with some fields changed; a wrong name is a `TypeError`."""


OPERATIONAL: Final = frozenset(
    {
        "version",
        "attempts",
        "next_at",
        "lease_owner",
        "lease_token",
        "unsure_until",
        "last_error",
    }
)
"""What the engine keeps for its own work; all other fields follow from the grant's events."""

REPLAYABLE: Final = tuple(name for name in GRANT_FIELDS if name not in OPERATIONAL)


def differing(before: Grant, after: Grant) -> list[str]:
    """The fields in which two states of a grant differ, in the order of `GRANT_FIELDS`."""
    # Most fields of an altered grant are the very objects of the former one.
    touched = compress(GRANT_FIELDS, map(is_not, astuple(before), astuple(after)))
    return [name for name in touched if getattr(before, name) != getattr(after, name)]
