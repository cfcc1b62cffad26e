"""Who and what is in the stand-in's organisation."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from sandbox.providers._house import random_id


@dataclass(slots=True)
class User:
    """One person; `status` is one of Okta's words."""

    id: str
    login: str
    email: str
    status: str = "ACTIVE"


@dataclass(slots=True)
class Rule:
    """A group rule: whom it puts into its group, and its "except these people"."""

    members: set[str] = field(default_factory=set)
    excluded: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Group:
    """One group; `type` says who decides on its members."""

    id: str
    name: str
    type: str = "OKTA_GROUP"
    members: set[str] = field(default_factory=set)
    rule: Rule | None = None


class Directory:
    """People by id, groups by id."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}

    def hire(self, login: str, *, email: str | None = None, status: str = "ACTIVE") -> User:
        """A new person."""
        user = User(f"00u{random_id(17)}", login, email or login, status)
        self.users[user.id] = user
        return user

    def found(self, name: str, *, kind: str = "OKTA_GROUP") -> Group:
        """A new group."""
        group = Group(f"00g{random_id(17)}", name, kind)
        self.groups[group.id] = group
        return group

    def find(self, name: str) -> User | None:
        """By id, by login, or by the login's first part where one alone has it.

        Logins are compared without regard to case and accents.
        """
        if name in self.users:
            return self.users[name]
        wanted = plain(name)
        logins = [(plain(user.login), user) for user in self.users.values()]
        exact = [user for login, user in logins if login == wanted]
        short = [user for login, user in logins if login.partition("@")[0] == wanted]
        for found in (exact, short):
            if len(found) == 1:
                return found[0]
        return None

    def run_rules(self) -> None:
        """Every rule puts its people into its group."""
        for group in self.groups.values():
            if group.rule is not None:
                group.members |= group.rule.members - group.rule.excluded


def plain(text: str) -> str:
    """Without case and accents."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()
