"""The demo provider's side: what is there, who may enter, and what goes wrong next."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from typing import Literal

from adapters.base import Session

Verb = Literal["probe", "counterpart", "grant", "revoke", "verify", "issue", "owned", "sessions"]


class Fault(StrEnum):
    """What a call meets instead of an answer."""

    REFUSE = auto()  # the provider says no
    UNREACHABLE = auto()  # no provider there
    THROTTLE = auto()  # "come back in `seconds`"
    HANG = auto()  # no answer, ever; nothing happens
    SLOW = auto()  # the answer takes `seconds`
    LAND_LATE = auto()  # no answer, and `seconds` later it happens all the same
    LOST_ANSWER = auto()  # it happens, and the caller is told that the line was cut
    PENDING = auto()  # "taken on": it happens `seconds` later
    LIE = auto()  # "done", and nothing happened


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that waits for calls of one verb, `times` of them."""

    verb: Verb
    fault: Fault
    times: int
    seconds: float


@dataclass(slots=True)
class Access:
    """One thing at the provider: a login of ours, or a fact about a person."""

    level: str
    expires_at: datetime | None = None
    password: str | None = field(default=None, repr=False)
    sessions: dict[str, Session] = field(default_factory=dict)


class NoEntryError(Exception):
    """The world let nobody in with this name and password."""


class World:
    """What is at the provider. Keys of `access` are marks, or facts as `level:person`.

    `strangers` are the e-mails of people whom it does not know.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`clock` is the provider's own, which ends access by itself."""
        self.clock = clock
        self.access: dict[str, Access] = {}
        self.strangers: set[str] = set()
        self.calls: list[tuple[Verb, str]] = []
        self._troubles: list[Trouble] = []
        self._landing: list[tuple[datetime, Callable[[], None]]] = []
        self._opened = 0

    def fail(self, verb: Verb, fault: Fault, *, times: int = 1, seconds: float = 1.0) -> None:
        """The next `times` calls of the verb meet the fault, after those announced before."""
        self._troubles.append(Trouble(verb, fault, times, seconds))

    def heal(self) -> None:
        """Takes back every fault; what is on its way still lands."""
        self._troubles.clear()

    def enter(self, login: str, password: str) -> Session:
        """Logs in as a person would; raises NoEntryError."""
        self.settle()
        access = self.access.get(login)
        if access is None or access.password is None or access.password != password:
            raise NoEntryError(login)
        if access.expires_at is not None and access.expires_at <= self.clock():
            raise NoEntryError(login)
        self._opened += 1
        session = Session(id=f"s{self._opened}", since=self.clock(), client="demo")
        access.sessions[session.id] = session
        return session

    def is_open(self, session: Session) -> bool:
        self.settle()
        return any(session.id in access.sessions for access in self.access.values())

    def settle(self) -> None:
        """Lets what was late and is due happen."""
        due = [entry for entry in self._landing if entry[0] <= self.clock()]
        self._landing = [entry for entry in self._landing if entry not in due]
        for _, act in due:
            act()

    def land(self, act: Callable[[], None], *, seconds: float) -> None:
        """The act happens when the clock has moved that far."""
        self._landing.append((self.clock() + timedelta(seconds=seconds), act))

    def trouble(self, verb: Verb) -> Trouble | None:
        """The fault that this call meets, used up by asking."""
        for place, trouble in enumerate(self._troubles):
            if trouble.verb == verb:
                left = replace(trouble, times=trouble.times - 1)
                self._troubles[place : place + 1] = [left] if left.times > 0 else []
                return trouble
        return None


_worlds: dict[str, World] = {}


def world_of(provider: str) -> World:
    """The one world behind every demo adapter of that provider name in this program."""
    return _worlds.setdefault(provider, World())


def forget_worlds() -> None:
    """Every provider name starts with an empty world again."""
    _worlds.clear()
