"""What `/access …` says, as values. `bot.domain.grammar.parse` reads them out of a line."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

COMMAND_WORDS: Final = (
    "audit",
    "emergency",
    "extend",
    "help",
    "list",
    "mine",
    "revoke",
    "who",
)
"""First words that are commands; no resource may be called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`/access prod-db 30m reason`. `duration` is None for the resource's usual one.

    `ends_at` is set when `until` was said; `duration` is then the time from the start (or from
    now) to it. Times are aware UTC.
    """

    resource: str
    reason: str
    duration: timedelta | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenForm:
    """`/access`, or a resource without a reason: the request form, filled with what was said."""

    resource: str | None = None
    duration: timedelta | None = None
    starts_at: datetime | None = None
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """`/access extend prod-db 30m reason`. `target` is a resource or a grant id's beginning."""

    target: str
    duration: timedelta
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """`/access revoke [prod-db | ID] [reason]`. `target` is None for the only one that I have."""

    target: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """`/access list`: what I may ask for."""


@dataclass(frozen=True, slots=True)
class Mine:
    """`/access mine`: what I have and wait for."""


@dataclass(frozen=True, slots=True)
class Who:
    """`/access who prod-db`."""

    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """`/access audit [prod-db | @person] [7d]`.

    `person` is a user id, a handle with its `@`, or an e-mail address.
    """

    resource: str | None = None
    person: str | None = None
    since: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Help:
    """`/access help`."""


Command = Ask | OpenForm | Extend | Revoke | List | Mine | Who | Audit | Help
