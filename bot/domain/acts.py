"""What can be done to a grant, and in which role. Acts are verbs; what they may do is in `machine`.

An act carries who did it (`actor`: a Slack user id, `cli:NAME`, `clock`, `worker`, `bot`) and in
which role; whether that person has the role is the caller's to know at the moment of the act.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import ClassVar

from bot.domain.grant import EndReason, Kind, Order, Task, Terms


class Role(StrEnum):
    """In which capacity somebody acts. Being admin approves nothing."""

    REQUESTER = auto()
    APPROVER = auto()
    ADMIN = auto()  # of the policy, or a named operator at the command line
    CLOCK = auto()
    WORKER = auto()
    HOOK = auto()
    POLICY = auto()  # `approvals: 0`: the policy itself says yes


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """The root of all acts."""

    verb: ClassVar[str]
    actor: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Act):
    """A person asks. `role` is the requester's; the guards of the policy were passed."""

    verb: ClassVar[str] = "request"
    grant_id: str
    resource: str
    reason: str
    duration: timedelta
    kind: Kind
    order: Order
    terms: Terms
    policy_hash: str
    decide_by: datetime
    starts_at: datetime | None = None
    ends_by: datetime | None = None
    fact: str | None = None
    incident: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote(Act):
    """An approver's yes. `duration` is set when they allow less time than was asked for."""

    verb: ClassVar[str] = "vote"
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny(Act):
    verb: ClassVar[str] = "deny"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Act):
    verb: ClassVar[str] = "cancel"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse(Act):
    verb: ClassVar[str] = "lapse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind(Act):
    verb: ClassVar[str] = "remind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Act):
    verb: ClassVar[str] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Act):
    """The provider was asked after the grant call, and says that the access is there."""

    verb: ClassVar[str] = "granted"
    native_end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Act):
    """The access could not be made, or (`held`) the person had it before us."""

    verb: ClassVar[str] = "fail"
    error: str
    held: bool = False
    landed: bool = False  # the answer was definite, so no call of ours can still land


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue(Act):
    """Credentials are about to be shown to the requester.

    `announced` is the call's own mark; None while an earlier call may still land.
    """

    verb: ClassVar[str] = "issue"
    announced: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Act):
    """A call for credentials was answered with a no: what was `announced` will not land."""

    verb: ClassVar[str] = "withdraw"
    announced: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Warn(Act):
    verb: ClassVar[str] = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskExtension(Act):
    verb: ClassVar[str] = "ask_extension"
    by: timedelta
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteExtension(Act):
    verb: ClassVar[str] = "vote_extension"


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyExtension(Act):
    verb: ClassVar[str] = "deny_extension"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(Act):
    """The provider was told the new end."""

    verb: ClassVar[str] = "extend"
    native_end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailExtension(Act):
    """The provider would not move the end; the former one holds."""

    verb: ClassVar[str] = "fail_extension"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke(Act):
    verb: ClassVar[str] = "revoke"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Act):
    """An end that nobody pressed: the time, the provider, the sessions, the incident."""

    verb: ClassVar[str] = "finish"
    why: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(Act):
    """Taking the access away is late; said once."""

    verb: ClassVar[str] = "alarm"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Act):
    """A call did not get through, or must be looked at again; that happens `after` from now."""

    verb: ClassVar[str] = "retry"
    error: str
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce(Act):
    """A call that makes access or credentials is about to go out and may land until `until`."""

    verb: ClassVar[str] = "announce"
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Act):
    """The provider is a person: the operators of the resource are asked to do it by hand."""

    verb: ClassVar[str] = "assign"
    task: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(Act):
    """An operator says that what was asked for is done."""

    verb: ClassVar[str] = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Act):
    """The provider, asked again, says that the access is gone (or it was never ours)."""

    verb: ClassVar[str] = "end"
