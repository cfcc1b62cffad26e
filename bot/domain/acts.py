"""What can be done to a grant, and in which role. Acts are verbs; what they may do is in `machine`.

An act carries who did it (`actor`: a Slack user id, `cli:NAME`, `clock`, `worker`, `bot`) and in
which role; whether that person has the role is the caller's to know at the moment of the act.
"""

from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import ClassVar

from msgspec import Struct

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


class Act(Struct, frozen=True, kw_only=True):
    """The root of all acts."""

    verb: ClassVar[str]
    actor: str
    role: Role


class Ask(Act, frozen=True, kw_only=True):
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


class Vote(Act, frozen=True, kw_only=True):
    """An approver's yes. `duration` is set when they allow less time than was asked for."""

    verb: ClassVar[str] = "vote"
    duration: timedelta | None = None


class Deny(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "deny"
    reason: str = ""


class Cancel(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "cancel"
    reason: str = ""


class Lapse(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "lapse"


class Remind(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "remind"


class Start(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "start"


class Confirm(Act, frozen=True, kw_only=True):
    """The provider was asked after the grant call, and says that the access is there."""

    verb: ClassVar[str] = "granted"
    native_end: datetime | None


class Fail(Act, frozen=True, kw_only=True):
    """The access could not be made, or (`held`) the person had it before us."""

    verb: ClassVar[str] = "fail"
    error: str
    held: bool = False
    landed: bool = False  # the answer was definite, so no call of ours can still land


class Issue(Act, frozen=True, kw_only=True):
    """Credentials are about to be shown to the requester.

    `announced` is the call's own mark; None while an earlier call may still land.
    """

    verb: ClassVar[str] = "issue"
    announced: datetime | None


class Withdraw(Act, frozen=True, kw_only=True):
    """A call for credentials was answered with a no: what was `announced` will not land."""

    verb: ClassVar[str] = "withdraw"
    announced: datetime


class Warn(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "warn"


class AskExtension(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "ask_extension"
    by: timedelta
    reason: str


class VoteExtension(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "vote_extension"


class DenyExtension(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "deny_extension"
    reason: str = ""


class Extend(Act, frozen=True, kw_only=True):
    """The provider was told the new end."""

    verb: ClassVar[str] = "extend"
    native_end: datetime | None


class FailExtension(Act, frozen=True, kw_only=True):
    """The provider would not move the end; the former one holds."""

    verb: ClassVar[str] = "fail_extension"
    error: str


class Revoke(Act, frozen=True, kw_only=True):
    verb: ClassVar[str] = "revoke"
    reason: str = ""


class Finish(Act, frozen=True, kw_only=True):
    """An end that nobody pressed: the time, the provider, the sessions, the incident."""

    verb: ClassVar[str] = "finish"
    why: EndReason


class Alarm(Act, frozen=True, kw_only=True):
    """Taking the access away is late; said once."""

    verb: ClassVar[str] = "alarm"
    error: str


class Retry(Act, frozen=True, kw_only=True):
    """A call did not get through, or must be looked at again; that happens `after` from now."""

    verb: ClassVar[str] = "retry"
    error: str
    after: timedelta


class Announce(Act, frozen=True, kw_only=True):
    """A call that makes access or credentials is about to go out and may land until `until`."""

    verb: ClassVar[str] = "announce"
    until: datetime


class Assign(Act, frozen=True, kw_only=True):
    """The provider is a person: the operators of the resource are asked to do it by hand."""

    verb: ClassVar[str] = "assign"
    task: Task


class Complete(Act, frozen=True, kw_only=True):
    """An operator says that what was asked for is done."""

    verb: ClassVar[str] = "complete"


class End(Act, frozen=True, kw_only=True):
    """The provider, asked again, says that the access is gone (or it was never ours)."""

    verb: ClassVar[str] = "end"
