"""The life of a grant, as a table: which act is possible in which state, by whom, leading where.

Rules this module keeps:

- An act without a rule for the state raises `IllegalEventError` with the grant as found.
- Once granting has begun, the only way to an end is through revoking.
- Every change of a replayable field stands in an event: `changes` of the step's last event. So
  replaying a grant's events gives its row (`bot.domain.replay`).
- A change of state takes the lease away, so that a call in flight can no longer record.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain import deciding, transitions
from bot.domain.acts import (
    Act,
    Alarm,
    Announce,
    Ask,
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
    Role,
    Start,
    Vote,
    VoteExtension,
    Warn,
    Withdraw,
)
from bot.domain.codec import dump_field
from bot.domain.drafts import Draft, Step
from bot.domain.errors import IllegalEventError, ProgramError
from bot.domain.grant import GRANT_FIELDS, OPERATIONAL, Grant, State, altered, differing
from bot.domain.record import Event

S = State


@dataclass(frozen=True, slots=True)
class Rule:
    """`act` is possible in `source` (None: not asked for yet) and leads to one of `targets`."""

    act: type[Act]
    source: State | None
    targets: frozenset[State]
    who: frozenset[Role]


def _rules(
    act: type[Act], sources: tuple[State | None, ...], targets: tuple[State, ...], *who: Role
) -> tuple[Rule, ...]:
    """One rule for each source; without targets the state stays what it is."""
    return tuple(
        Rule(act, source, frozenset(targets or ((source,) if source else ())), frozenset(who))
        for source in sources
    )


ENDERS: Final = (Role.REQUESTER, Role.APPROVER, Role.ADMIN)

RULES: Final[tuple[Rule, ...]] = (
    *_rules(Ask, (None,), (S.PENDING, S.SCHEDULED, S.GRANTING), Role.REQUESTER),
    *_rules(Vote, (S.PENDING,), (S.PENDING, S.SCHEDULED, S.GRANTING), Role.APPROVER),
    *_rules(Deny, (S.PENDING,), (S.DENIED,), Role.APPROVER),
    *_rules(
        Cancel,
        (S.PENDING, S.SCHEDULED),
        (S.CANCELLED,),
        Role.REQUESTER,
        Role.APPROVER,
        Role.ADMIN,
        Role.CLOCK,
    ),
    *_rules(Lapse, (S.PENDING,), (S.LAPSED,), Role.CLOCK),
    *_rules(Remind, (S.PENDING,), (), Role.CLOCK),
    *_rules(Start, (S.SCHEDULED,), (S.GRANTING,), Role.CLOCK),
    *_rules(Announce, (S.GRANTING, S.ACTIVE), (), Role.WORKER),
    *_rules(Confirm, (S.GRANTING,), (S.ACTIVE,), Role.WORKER),
    *_rules(Fail, (S.GRANTING,), (S.REVOKING,), Role.WORKER, Role.CLOCK),
    *_rules(Retry, (S.SCHEDULED, S.GRANTING, S.ACTIVE, S.REVOKING), (), Role.WORKER),
    *_rules(Assign, (S.GRANTING, S.REVOKING), (), Role.WORKER),
    *_rules(Complete, (S.GRANTING, S.REVOKING), (), Role.APPROVER, Role.ADMIN),
    *_rules(Issue, (S.ACTIVE,), (), Role.REQUESTER),
    *_rules(Withdraw, (S.ACTIVE,), (), Role.REQUESTER),
    *_rules(Warn, (S.ACTIVE,), (), Role.CLOCK),
    *_rules(AskExtension, (S.ACTIVE,), (), Role.REQUESTER),
    *_rules(VoteExtension, (S.ACTIVE,), (), Role.APPROVER),
    *_rules(DenyExtension, (S.ACTIVE,), (), Role.APPROVER),
    *_rules(Extend, (S.ACTIVE,), (), Role.WORKER),
    *_rules(FailExtension, (S.ACTIVE,), (), Role.WORKER),
    *_rules(Revoke, (S.GRANTING, S.ACTIVE), (S.REVOKING,), *ENDERS),
    *_rules(Finish, (S.ACTIVE,), (S.REVOKING,), Role.CLOCK, Role.WORKER, Role.HOOK),
    *_rules(Alarm, (S.REVOKING,), (), Role.WORKER),
    *_rules(End, (S.REVOKING,), (S.ENDED,), Role.WORKER),
)

_TABLE: Final = {(rule.act, rule.source): rule for rule in RULES}


def rule_for(act: type[Act], state: State | None) -> Rule | None:
    """The rule of the table, None where the act is not possible."""
    return _TABLE.get((act, state))


def open_grant(ask: Ask, now: datetime) -> Step:
    """The step that makes a grant out of an asking."""
    draft = deciding.ask(ask, now)
    return _complete(None, draft, _TABLE[Ask, None], ask, now)


def step(grant: Grant, act: Act, now: datetime) -> Step:
    """The grant after `act`, with the events and notices that tell of it. Pure.

    Raises `IllegalEventError` when the state has no rule for the act, and `RefusalError` when a
    guard of the rule says no to a person.
    """
    rule = rule_for(type(act), grant.state)
    if rule is None:
        raise IllegalEventError(grant, act.verb)
    if act.role not in rule.who:
        raise ProgramError(f"{act.verb} is not for {act.role}")
    draft = transitions.TABLE[type(act)](grant, act, now)
    return _complete(grant, draft, rule, act, now)


def _complete(before: Grant | None, draft: Draft, rule: Rule, act: Act, now: datetime) -> Step:
    """Number the change, put what changed into its event, and check it against the table."""
    after = draft.grant
    if after.state not in rule.targets:
        raise ProgramError(f"{act.verb} must not lead to {after.state}")
    if before is not None:
        fenced = {"lease_owner": None, "lease_token": None}
        ends_lease = _ends_lease(before, after, act)
        after = altered(after, version=before.version + 1, **(fenced if ends_lease else {}))
    touched = GRANT_FIELDS if before is None else differing(before, after)
    changes = {
        name: dump_field(name, getattr(after, name)) for name in touched if name not in OPERATIONAL
    }
    if changes and not draft.events:
        raise ProgramError(f"{act.verb} changes {sorted(changes)} without an event")
    last = draft.events[-1] if draft.events else None
    events = tuple(
        Event(
            kind=said.kind,
            at=now,
            actor=said.actor or act.actor,
            grant_id=after.id,
            data={**said.data, "changes": changes} if changes and said is last else said.data,
            texts=said.texts,
            person=after.requester,
            resource=after.resource,
        )
        for said in draft.events
    )
    return Step(after, touched, events, draft.notices)


_HOLDING: Final = (Announce, Assign)
"""Acts of a worker that goes on working on the grant."""


def _ends_lease(before: Grant, after: Grant, act: Act) -> bool:
    """A change of state fences off whoever works on the grant; a worker's result hands it back.

    So does a person's word that it is done: what is under way does not know of it.
    """
    if after.state is not before.state or isinstance(act, Complete):
        return True
    return act.role is Role.WORKER and not isinstance(act, _HOLDING)
