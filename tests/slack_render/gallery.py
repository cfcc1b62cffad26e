"""Grants in every state that people can meet, made by the machine's own steps."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from adapters.base import Caps, Effects
from bot.domain import acts
from bot.domain.acts import Act, Role
from bot.domain.chain import GENESIS, seal
from bot.domain.grant import EndReason, Grant, Kind, Order, Recipient, Task, Terms, altered
from bot.domain.machine import open_grant, step
from bot.domain.record import Event, Notice, SealedEvent
from bot.slack.story import Story

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DANA, MAYA, OMAR, OLGA = "U0DANA", "U0MAYA", "U0OMAR", "U0OLGA"
CAPS = Caps.ENDS_SESSIONS | Caps.ISSUES_CREDENTIALS | Caps.PER_GRANT


@dataclass
class Life:
    """One grant, driven act by act; keeps its events and notices as the engine would."""

    grant: Grant
    now: datetime = START
    events: list[SealedEvent] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def keep(self, events: Iterable[Event], notices: Iterable[Notice] = ()) -> None:
        for event in events:
            before = self.events[-1].hash if self.events else GENESIS
            self.events.append(seal(before, len(self.events) + 1, event, salt=lambda: "00" * 8))
        self.notices.extend(notices)

    def do(self, act: Act, after: timedelta = MINUTE) -> "Life":
        self.now += after
        made = step(self.grant, act, self.now)
        self.grant = made.grant
        self.keep(made.events, made.notices)
        return self

    def story(self, caps: Caps = CAPS) -> Story:
        return Story(
            self.grant,
            tuple(self.events),
            Effects("a login for this grant alone", caps, timedelta(seconds=10)),
            about="Orders database, read only",
            approvers=Markup("<!subteam^S0DBA>, <@U0OMAR>"),
            operators=Markup("<!subteam^S0DBA>, <@U0OLGA>"),
        )

    # --- the acts, in short ---------------------------------------------------------------------

    def vote(self, who: str = MAYA, duration: timedelta | None = None) -> "Life":
        return self.do(acts.Vote(actor=who, role=Role.APPROVER, duration=duration))

    def deny(self, reason: str = "Not during the freeze.") -> "Life":
        return self.do(acts.Deny(actor=MAYA, role=Role.APPROVER, reason=reason))

    def cancel(self, who: str = DANA, reason: str = "") -> "Life":
        role = Role.REQUESTER if who == DANA else Role.ADMIN
        return self.do(acts.Cancel(actor=who, role=role, reason=reason))

    def confirm(self) -> "Life":
        end = self.grant.expires_at
        return self.do(acts.Confirm(actor="worker", role=Role.WORKER, native_end=end))

    def fail(self, error: str = "permission denied to create role", **more: bool) -> "Life":
        return self.do(acts.Fail(actor="worker", role=Role.WORKER, error=error, **more))

    def extension(self, by: timedelta = 30 * MINUTE, reason: str = "one more table") -> "Life":
        return self.do(acts.AskExtension(actor=DANA, role=Role.REQUESTER, by=by, reason=reason))

    def vote_extension(self, who: str = MAYA) -> "Life":
        return self.do(acts.VoteExtension(actor=who, role=Role.APPROVER))

    def extend(self) -> "Life":
        return self.do(acts.Extend(actor="worker", role=Role.WORKER, native_end=None))

    def revoke(self, who: str = MAYA, reason: str = "") -> "Life":
        return self.do(acts.Revoke(actor=who, role=Role.APPROVER, reason=reason))

    def finish(self, why: EndReason) -> "Life":
        role = Role.CLOCK if why is EndReason.EXPIRED else Role.WORKER
        until = self.grant.expires_at if why is EndReason.EXPIRED else self.now + MINUTE
        assert until is not None
        return self.do(acts.Finish(actor=role.value, role=role, why=why), until - self.now)

    def alarm(self, error: str = "must be superuser") -> "Life":
        return self.do(acts.Alarm(actor="worker", role=Role.WORKER, error=error))

    def assign(self, task: Task) -> "Life":
        return self.do(acts.Assign(actor="worker", role=Role.WORKER, task=task))

    def complete(self, who: str = OLGA) -> "Life":
        return self.do(acts.Complete(actor=who, role=Role.ADMIN))

    def end(self) -> "Life":
        return self.do(acts.End(actor="worker", role=Role.WORKER))


def asked(
    reason: str = "fix the stuck order 4711",
    *,
    name: str = "Dana",
    resource: str = "prod-db",
    approvals: int = 1,
    extend_approvals: int | None = 1,
    starts_at: datetime | None = None,
) -> Life:
    """A request that was just made."""
    made = open_grant(
        acts.Ask(
            actor=DANA,
            role=Role.REQUESTER,
            grant_id="7k2m9qx4trvw",
            resource=resource,
            reason=reason,
            duration=30 * MINUTE,
            kind=Kind.STANDARD,
            order=Order(
                "orders-pg",
                "postgres",
                {"roles": ["app_readonly"]},
                Recipient(DANA, "dana@example.com", name),
            ),
            terms=Terms(
                approvals=approvals,
                max_duration=timedelta(hours=4),
                warn_before=5 * MINUTE,
                remind_after=10 * MINUTE,
                extend_approvals=extend_approvals,
            ),
            policy_hash="0" * 64,
            decide_by=START + timedelta(hours=1),
            starts_at=starts_at,
        ),
        START,
    )
    life = Life(made.grant)
    life.keep(made.events, made.notices)
    return life


def lives(reason: str = "fix the stuck order 4711", name: str = "Dana") -> dict[str, Life]:
    """One life for every way that a card can look."""

    def new(**more: object) -> Life:
        return asked(reason, name=name, **more)  # type: ignore[arg-type] # names of `asked`'s own

    def active() -> Life:
        return new().vote().confirm()

    later = START + timedelta(hours=3)
    return {
        "pending": new(),
        "pending, 1 of 2": new(approvals=2).vote(),
        "approved by the policy": new(approvals=0),
        "scheduled": new(starts_at=later).vote(),
        "scheduled, then cancelled": new(starts_at=later).vote().cancel(OLGA, reason),
        "granting": new().vote(),
        "active": active(),
        "active, shorter": new().vote(duration=10 * MINUTE).confirm(),
        "active, cannot be extended": new(extend_approvals=None).vote().confirm(),
        "extension open": active().extension(reason=reason),
        "extension, 1 of 2": _two_needed(active().extension(reason=reason)).vote_extension(),
        "extension being made": active().extension().vote_extension(),
        "extended": active().extension().vote_extension().extend(),
        "extension denied": active()
        .extension()
        .do(acts.DenyExtension(actor=MAYA, role=Role.APPROVER, reason=reason)),
        "extension failed": active()
        .extension()
        .vote_extension()
        .do(acts.FailExtension(actor="worker", role=Role.WORKER, error=reason[:240])),
        "extension void": active().extension().revoke(),
        "revoking": active().revoke(reason=reason),
        "overdue": active().finish(EndReason.EXPIRED).alarm(reason[:240] or "must be superuser"),
        "expired": active().finish(EndReason.EXPIRED).end(),
        "revoked": active().revoke(reason=reason).end(),
        "lost": active().finish(EndReason.LOST).end(),
        "closed": active().finish(EndReason.CLOSED).end(),
        "resolved": active().finish(EndReason.RESOLVED).end(),
        "unconfirmed": active().finish(EndReason.UNCONFIRMED).end(),
        "failing": new().vote().fail(),
        "failed": new().vote().fail(reason[:240]).end(),
        "held": new().vote().fail("", held=True).end(),
        "to be made by hand": new().vote().assign(Task.MAKE),
        "made by hand": new().vote().assign(Task.MAKE).complete().confirm(),
        "not to be made any more": new().vote().assign(Task.MAKE).revoke(),
        "to be removed by hand": active().revoke().assign(Task.REMOVE),
        "removed by hand": active().revoke().assign(Task.REMOVE).complete().end(),
        "denied": new().deny(reason),
        "cancelled": new().cancel(),
        "lapsed": new().do(acts.Lapse(actor="clock", role=Role.CLOCK), timedelta(hours=1)),
    }


def _two_needed(life: Life) -> Life:
    assert life.grant.extension is not None
    life.grant = altered(life.grant, extension=replace(life.grant.extension, approvals=2))
    return life
