"""The words of the contract: what is asked for, what is answered, what can go wrong.

`adapters.base` has them all under its own name; import them from there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Flag, StrEnum, auto
from typing import Any

from pydantic import BaseModel, ConfigDict


class Presence(StrEnum):
    """What a look at the provider found."""

    PRESENT = auto()
    PARTIAL = auto()  # something of ours is there, yet nobody can start anew with it
    ABSENT = auto()


class Caps(Flag):
    """What an adapter can do; read by the engine, the cards and the conformance suite."""

    NONE = 0
    PER_GRANT = auto()  # what we make carries our mark, so it can never be somebody else's
    NATIVE_EXPIRY = auto()  # the provider ends access by itself at `Order.expires_at`
    ENDS_SESSIONS = auto()  # revoke cuts what is open
    ISSUES_CREDENTIALS = auto()
    LISTS_OWNED = auto()
    WATCHES_SESSIONS = auto()


class AdapterError(Exception):
    """The provider did not do what was asked. The message is clean of secrets and short."""


class UnreachableError(AdapterError):
    """No answer, or one that time may heal: try again, not before `retry_after` seconds."""

    outcome = "unreachable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """`retry_after` is in seconds, where the provider said so."""
        super().__init__(message)
        self.retry_after = retry_after


class PendingError(AdapterError):
    """The provider took it on and is not done: the same call again, after `retry_after` seconds.

    An answer, unlike `UnreachableError`: the provider is well. Until the call is repeated and
    succeeds, what was asked for may take effect at any moment.
    """

    outcome = "pending"

    def __init__(self, message: str, *, retry_after: float, by_hand: bool = False) -> None:
        """`retry_after` is in seconds; the message says what is waited for.

        `by_hand`: it is done by a person, who is asked to with the words of `Adapter.task` and
        whose answer is `Order.said` in the calls that follow.
        """
        super().__init__(message)
        self.retry_after = retry_after
        self.by_hand = by_hand


class RefusedError(AdapterError):
    """The provider says that we may not, or that this cannot be: a human must act."""

    outcome = "refused"


class UnsupportedError(AdapterError):
    """The adapter does not claim this capability: a bug of the caller."""


class ProviderSettings(BaseModel):
    """A provider's block in the policy file, less the word `adapter`. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class GrantParams(BaseModel):
    """A resource's `grant` block in the policy file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Person:
    """Who gets access.

    `names` holds what the policy's `people:` says of this person: adapter kinds, or a provider's
    name for one provider, to the name used there.
    """

    user: str
    email: str | None = None
    name: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make true or false: one grant, as it was when asked for.

    `params` is the resource's `grant` block as plain data; for a mark whose grant nobody knows any
    more (an orphan) it is empty, and revoking must still be possible. `expires_at` is aware UTC.
    `said` is what a person said last that they made true, where a person is the provider.
    `answers` is what the person said to `Adapter.asks`, for `issue` alone: never stored or logged.
    """

    grant_id: str
    resource: str
    params: Mapping[str, Any]
    person: Person
    expires_at: datetime
    said: Presence | None = None
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def mark(self) -> str:
        return f"curfew-{self.grant_id}"

    @property
    def mark_underscored(self) -> str:
        """The mark where a dash is not allowed."""
        return f"curfew_{self.grant_id}"


def _fine(answer: str) -> str | None:
    """Anything will do."""
    del answer
    return None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that *Get credentials* puts first; the answer stands in `Order.answers[name]`.

    `complaint` says what is wrong with an answer, in a sentence that does not repeat it. It is put
    beside the field, so it asks nobody outside.
    """

    name: str
    label: str
    hint: str = ""
    optional: bool = True
    complaint: Callable[[str], str | None] = _fine


def complaints(asks: Sequence[Ask], answers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, by the question's name; empty when nothing is."""
    found = {}
    for ask in asks:
        answer = answers.get(ask.name, "").strip()
        said = ask.complaint(answer) if answer else None if ask.optional else "This is needed."
        if said is not None:
            found[ask.name] = said
    return found


@dataclass(frozen=True, slots=True)
class Snippet:
    """One thing to paste: a DSN, a command line, a console link."""

    label: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a person uses to log in. Shown once, never stored; its repr shows no secret."""

    snippets: tuple[Snippet, ...] = field(repr=False)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """What people are told of an access before they decide on it.

    `makes` completes "It is …"; `lands_within` is how long a call that was given up on may still
    take effect; `sessions_last` how long one that is open at the end goes on at most, where the
    provider bounds it.
    """

    makes: str = ""
    caps: Caps = Caps.NONE
    lands_within: timedelta = timedelta(0)
    sessions_last: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One open connection of a grant."""

    id: str
    since: datetime
    client: str = ""
    program: str = ""
