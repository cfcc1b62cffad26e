"""Who somebody is, as far as deciding needs it. Facts only; Slack is asked elsewhere."""

from dataclasses import dataclass, field
from enum import StrEnum, auto


class Standing(StrEnum):
    """What an account is in our workspace. Only members may ask, decide or see anything."""

    MEMBER = auto()
    GUEST = auto()  # single-channel and multi-channel
    BOT = auto()  # apps, workflows, Slackbot
    DEACTIVATED = auto()
    STRANGER = auto()  # another workspace's, by Slack Connect


@dataclass(frozen=True, slots=True)
class Account:
    """One person, looked up no longer than a minute ago.

    `groups` holds every user group that the policy names and this person is in: ids (`S…`) and
    handles (`@dba`). `manager` is a user id or an e-mail, from the profile.
    """

    user: str
    email: str | None = None
    name: str = ""
    standing: Standing = Standing.MEMBER
    groups: frozenset[str] = field(default_factory=frozenset)
    manager: str | None = None
    timezone: str = "UTC"

    def is_same_person(self, other: "Account") -> bool:
        """One person behind two accounts counts once: same id, or same e-mail address."""
        if self.user == other.user:
            return True
        mine, theirs = self.email, other.email
        return mine is not None and theirs is not None and mine.casefold() == theirs.casefold()
