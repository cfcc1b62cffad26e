"""A provider in memory that can do everything and fails on demand.

Made to try Curfew without a provider, and to test whatever sits above adapters. A `World` is the
provider's side: it outlives adapters, and whoever steers it can break it, look at it and log in to
it. Adapters of one provider name share one world, as two programs share one server.

    world = world_of("playground")
    world.fail("revoke", Fault.REFUSE, times=2)
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from typing import Any, ClassVar, Literal

from pydantic import Field

from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
    Session,
    Snippet,
    UnreachableError,
)

Verb = Literal["probe", "grant", "revoke", "verify", "issue", "owned", "sessions"]


class Fault(StrEnum):
    """What a call meets instead of an answer."""

    REFUSE = auto()  # the provider says no
    UNREACHABLE = auto()  # no provider there
    THROTTLE = auto()  # "come back in `seconds`"
    HANG = auto()  # no answer, ever; nothing happens
    SLOW = auto()  # the answer takes `seconds`
    LAND_LATE = auto()  # no answer, and `seconds` later it happens all the same
    LOST_ANSWER = auto()  # it happens, and the caller is told that the line was cut
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
    """What is at the provider. Keys of `access` are marks, or facts as `level:person`."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`clock` is the provider's own, which ends access by itself."""
        self.clock = clock
        self.access: dict[str, Access] = {}
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


class DemoSettings(ProviderSettings):
    """The provider's block. Nothing has to be said."""


class DemoParams(GrantParams):
    """A resource's `grant` block. `shared` is access that cannot carry our mark: a membership."""

    level: str = Field(default="read", min_length=1, max_length=80)
    shared: bool = False


class DemoAdapter(Adapter):
    """See the module."""

    kind: ClassVar[str] = "demo"
    capabilities: ClassVar[Caps] = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
        | Caps.WATCHES_SESSIONS
    )
    settle: ClassVar[timedelta] = timedelta(seconds=1)
    forms: ClassVar[Mapping[str, Mapping[str, Any]]] = {"shared: true": {"shared": True}}
    Settings: ClassVar[type[ProviderSettings]] = DemoSettings
    Params: ClassVar[type[GrantParams]] = DemoParams

    def __init__(
        self,
        name: str,
        settings: ProviderSettings | None = None,
        *,
        call_limit: float = 10.0,
        world: World | None = None,
    ) -> None:
        """`world` instead of the one that the name stands for."""
        super().__init__(name, settings or DemoSettings(), call_limit=call_limit)
        self.world = world if world is not None else world_of(name)

    @classmethod
    def caps(cls, params: Mapping[str, Any]) -> Caps:
        """None of them for `shared` access."""
        return Caps.NONE if params.get("shared") else cls.capabilities

    def cleanup(self, order: Order) -> str:
        """A line of Python: the world is in memory only."""
        return f"world_of({self.name!r}).access.pop({self._key(order)!r})"

    async def _probe(self) -> list[str]:
        await self._meet("probe", "-", lambda: None)
        return []

    async def _grant(self, order: Order) -> None:
        params = DemoParams.model_validate(dict(order.params))

        def act() -> None:
            access = self.world.access.setdefault(self._key(order), Access(params.level))
            if not params.shared:
                access.expires_at = order.expires_at

        await self._meet("grant", order.mark, act)

    async def _revoke(self, order: Order) -> None:
        await self._meet(
            "revoke", order.mark, lambda: self.world.access.pop(self._key(order), None)
        )

    async def _verify(self, order: Order) -> Presence:
        found: list[Presence] = []

        def act() -> None:
            access = self.world.access.get(self._key(order))
            if access is None:
                found.append(Presence.ABSENT)
            elif access.expires_at is not None and access.expires_at <= self.world.clock():
                found.append(Presence.PARTIAL)
            else:
                found.append(Presence.PRESENT)

        await self._meet("verify", order.mark, act)
        return found[0] if found else Presence.ABSENT  # nothing found: the world lies

    async def _issue(self, order: Order) -> Credential:
        password = secrets.token_urlsafe(24)

        def act() -> None:
            access = self.world.access.get(order.mark)
            if access is None:
                raise RefusedError("There is no access to log in with: it ended or never was.")
            access.password = password

        await self._meet("issue", order.mark, act)
        return Credential((Snippet("login", f"{order.mark}:{password}"),))

    async def _owned(self) -> frozenset[str]:
        await self._meet("owned", "-", lambda: None)
        marks = (key for key in self.world.access if key.startswith("curfew-") and ":" not in key)
        return frozenset(mark.removeprefix("curfew-") for mark in marks)

    async def _sessions(self, order: Order) -> tuple[Session, ...]:
        await self._meet("sessions", order.mark, lambda: None)
        access = self.world.access.get(order.mark)
        return tuple(access.sessions.values()) if access else ()

    def _fact(self, order: Order) -> str:
        params = DemoParams.model_validate(dict(order.params))
        person = order.person
        name = person.names.get(self.name) or person.names.get(self.kind) or person.email
        return f"{params.level}:{name or person.user}"

    def _key(self, order: Order) -> str:
        return self._fact(order) if order.params.get("shared") else order.mark

    async def _meet(self, verb: Verb, mark: str, act: Callable[[], object]) -> None:
        """The act, or the trouble that waits for this verb."""
        world = self.world
        world.settle()
        world.calls.append((verb, mark))
        trouble = world.trouble(verb)
        await asyncio.sleep(0)  # a provider is never quicker than a turn of the loop
        if trouble is None:
            act()
            return
        match trouble.fault:
            case Fault.REFUSE:
                raise RefusedError("the demo provider refuses")
            case Fault.UNREACHABLE:
                raise UnreachableError("the demo provider is not there")
            case Fault.THROTTLE:
                raise UnreachableError("too many calls", retry_after=trouble.seconds)
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.SLOW:
                await asyncio.sleep(trouble.seconds)
                act()
            case Fault.LAND_LATE:
                world.land(lambda: _quietly(act), seconds=trouble.seconds)
                await asyncio.Event().wait()
            case Fault.LOST_ANSWER:
                act()
                raise UnreachableError("the line was cut")
            case Fault.LIE:
                return


def _quietly(act: Callable[[], object]) -> None:
    """Nobody listens any more to what a late call has to say."""
    try:
        act()
    except RefusedError:
        return
