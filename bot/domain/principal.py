"""Who is meant: the words for people in a policy, and whether they mean somebody.

Rules kept here: only full members are ever meant; e-mail addresses and handles are compared
without regard to case, ids exactly; what cannot be answered (an on-call list that nobody gave
us) means nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Final

from bot.domain.errors import ProgramError
from bot.domain.people import Account, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class PrincipalKind(StrEnum):
    """The kinds of words for people."""

    USER = auto()  # U… or W…
    USER_GROUP = auto()  # S…
    HANDLE = auto()  # @dba
    EMAIL = auto()
    GROUP = auto()  # group:NAME, of the policy itself
    ONCALL = auto()  # oncall:NAME
    MANAGER = auto()  # the requester's
    ANYONE = auto()


NAME: Final = r"[a-z0-9][a-z0-9._-]{0,62}"
FORMS: Final = (
    (PrincipalKind.ANYONE, re.compile(r"(anyone)", re.ASCII)),
    (PrincipalKind.MANAGER, re.compile(r"(manager)", re.ASCII)),
    (PrincipalKind.GROUP, re.compile(rf"group:({NAME})", re.ASCII)),
    (PrincipalKind.ONCALL, re.compile(rf"oncall:({NAME})", re.ASCII)),
    (PrincipalKind.USER, re.compile(r"([UW][A-Z0-9]{2,30})", re.ASCII)),
    (PrincipalKind.USER_GROUP, re.compile(r"(S[A-Z0-9]{2,30})", re.ASCII)),
    (PrincipalKind.EMAIL, re.compile(r"([^@\s<>|,;:]{1,64}@[^@\s<>|,;:]{1,255})")),
    (PrincipalKind.HANDLE, re.compile(r"@([a-z0-9][a-z0-9._-]{0,79})", re.ASCII | re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """One word for people. `value` is the id, handle (no `@`), address or name in its fixed form.

    `str()` gives the word as it stands in a policy.
    """

    kind: PrincipalKind
    value: str = ""

    def __str__(self) -> str:
        match self.kind:
            case PrincipalKind.GROUP | PrincipalKind.ONCALL:
                return f"{self.kind.value}:{self.value}"
            case PrincipalKind.HANDLE:
                return f"@{self.value}"
            case PrincipalKind.MANAGER | PrincipalKind.ANYONE:
                return self.kind.value
            case _:
                return self.value


def parse_principal(word: str) -> Principal | None:
    """What a word of the policy means, None when it is no principal at all."""
    for kind, form in FORMS:
        found = form.fullmatch(word)
        if found is None:
            continue
        if kind in {PrincipalKind.ANYONE, PrincipalKind.MANAGER}:
            return Principal(kind)
        if kind in {PrincipalKind.EMAIL, PrincipalKind.HANDLE}:
            return Principal(kind, found[1].casefold())
        return Principal(kind, found[1])
    return None


def matches(principal: Principal, account: Account, *, requester: Account | None = None) -> bool:
    """The word means this person. `requester` is whose manager `manager` is.

    A group of the policy must have been expanded before (see `expand`).
    """
    if principal.kind is PrincipalKind.GROUP:
        raise ProgramError(f"{principal} was not expanded")
    return account.standing is Standing.MEMBER and principal in _words_for(account, requester)


def _words_for(account: Account, requester: Account | None) -> Iterator[Principal]:
    """Every word that means this member; no `oncall:`, since no on-call list is connected."""
    yield Principal(PrincipalKind.ANYONE)
    yield Principal(PrincipalKind.USER, account.user)
    if account.email is not None:
        yield Principal(PrincipalKind.EMAIL, account.email.casefold())
    for group in account.groups:
        if group.startswith("@"):
            yield Principal(PrincipalKind.HANDLE, group[1:].casefold())
        else:
            yield Principal(PrincipalKind.USER_GROUP, group)
    if requester is not None and is_manager(account, requester):
        yield Principal(PrincipalKind.MANAGER)


def is_manager(account: Account, requester: Account) -> bool:
    """`account` is the one whom the requester's profile names as manager."""
    named = requester.manager
    if not named:
        return False
    if account.user == named:
        return True
    return account.email is not None and account.email.casefold() == named.casefold()


def expand(
    principals: Iterable[Principal], groups: Mapping[str, tuple[Principal, ...]]
) -> tuple[Principal, ...]:
    """The same people without any `group:` word, in order, each principal once.

    Unknown groups mean nobody; a loop of groups ends where it began.
    """
    seen: dict[Principal, None] = {}
    entered: set[str] = set()
    left = list(principals)[::-1]  # a stack, so that the depth of groups is no matter
    while left:
        word = left.pop()
        if word.kind is not PrincipalKind.GROUP:
            seen[word] = None
        elif word.value not in entered:
            entered.add(word.value)
            left.extend(reversed(groups.get(word.value, ())))
    return tuple(seen)


def spoken(principals: Iterable[Principal]) -> str:
    """The principals as in the policy, for a sentence; `nobody` when there are none."""
    return ", ".join(dict.fromkeys(str(p) for p in principals)) or "nobody"
