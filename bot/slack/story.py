"""A grant with its history, as the templates see it. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from markupsafe import Markup

from adapters.base import Caps, Effects
from bot.domain.grant import EndReason, Grant, State, Task
from bot.domain.record import EventKind, SealedEvent
from bot.slack.text import USER, escaped, inline, mention

Naming = Callable[[str], Markup]
"""How a person is called: by a mention, or by name where nobody is to be pinged."""

OTHERS: Final[Mapping[str, str]] = {
    "clock": "Curfew",
    "worker": "Curfew",
    "bot": "Curfew",
    "policy": "the policy",
}
"""Actors that are nobody."""

OPERATOR: Final = "cli:"


def actor(who: str, naming: Naming = mention) -> Markup:
    """Who did it, as the log names them, for a sentence."""
    if USER.fullmatch(who):
        return naming(who)
    if who.startswith(OPERATOR):
        name = inline(who.removeprefix(OPERATOR), 80)
        return escaped(f"{name} at the command line")
    return escaped(OTHERS.get(who, inline(who, 80)))


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as a template sees it. `reason` is what a person wrote, empty where erased."""

    kind: str
    at: datetime
    by: Markup
    reason: str
    data: Mapping[str, object]

    @property
    def error(self) -> str:
        """The provider's words, cleaned of secrets by the adapter."""
        return str(self.data.get("error") or "")


TEXTS: Final = ("decision_reason", "revoke_reason", "extension_reason", "reason")


def happening(event: SealedEvent, naming: Naming = mention) -> Happening:
    """The event, read."""
    body = json.loads(event.body)
    written = (event.texts[name]["text"] for name in TEXTS if name in event.texts)
    return Happening(
        kind=event.kind.value,
        at=event.at,
        by=actor(event.actor, naming),
        reason=next(written, ""),
        data=body.get("data") or {},
    )


PHASES: Final[Mapping[EndReason, str]] = {EndReason.FAILED: "failed", EndReason.HELD: "held"}


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that a card or a direct message is made of.

    `approvers`, and `operators` where something is to be done by hand, are their mentions, as
    markup; `about` is the policy's word on the resource.
    """

    grant: Grant
    events: tuple[SealedEvent, ...] = ()
    effects: Effects = field(default_factory=Effects)
    about: str = ""
    approvers: Markup = field(default_factory=Markup)
    operators: Markup = field(default_factory=Markup)

    @property
    def phase(self) -> str:
        """Where it stands, in the words of the card: a state, `overdue`, `failed` or `held`."""
        grant = self.grant
        if grant.state is State.REVOKING:
            return "overdue" if grant.overdue_at is not None else "revoking"
        if grant.state is State.ENDED and grant.end_reason is not None:
            return PHASES.get(grant.end_reason, "ended")
        return grant.state.value

    def last(self, kind: EventKind) -> Happening | None:
        """The latest event of a kind."""
        found = next((event for event in reversed(self.events) if event.kind is kind), None)
        return None if found is None else happening(found)

    def asking(self, number: int) -> Happening | None:
        """The event with which the extension of that number was asked for."""
        asked = [event for event in self.events if event.kind is EventKind.EXTENSION_ASKED]
        return happening(asked[number - 1]) if 0 < number <= len(asked) else None

    def task_done(self, task: Task) -> Happening | None:
        """The event with which an operator said that this was done."""
        told = [happening(one) for one in self.events if one.kind is EventKind.TASK_DONE]
        return next((one for one in reversed(told) if one.data.get("task") == task), None)

    @property
    def facts(self) -> dict[str, object]:
        """What every template about a grant may speak of."""
        grant, caps = self.grant, self.effects.caps
        return {
            "grant": grant,
            "phase": self.phase,
            "about": self.about,
            "who": mention(grant.requester),
            "name": grant.order.person.name or grant.requester,
            "approvers": self.approvers,
            "operators": self.operators,
            "votes": Markup(", ").join(mention(vote) for vote in grant.votes),
            "why": grant.end_reason.value if grant.end_reason else "",
            "effects": self.effects,
            "cuts": Caps.ENDS_SESSIONS in caps,
            "issues": Caps.ISSUES_CREDENTIALS in caps,
            "natively": Caps.NATIVE_EXPIRY in caps,
            "approved": self.last(EventKind.GRANT_APPROVED),
            "denied": self.last(EventKind.GRANT_DENIED),
            "cancelled": self.last(EventKind.GRANT_CANCELLED),
            "revoked": self.last(EventKind.GRANT_REVOKED),
            "failed": self.last(EventKind.GRANT_FAILED),
            "overdue": self.last(EventKind.REVOKE_OVERDUE),
        }
