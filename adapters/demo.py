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
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field

from adapters._demo_world import (
    Access,
    Fault,
    NoEntryError,
    Trouble,
    Verb,
    World,
    forget_worlds,
    world_of,
)
from adapters.base import (
    Adapter,
    AdapterError,
    Caps,
    Credential,
    GrantParams,
    Order,
    PendingError,
    Presence,
    ProviderSettings,
    RefusedError,
    Session,
    Snippet,
    UnreachableError,
)

__all__ = [
    "Access",
    "DemoAdapter",
    "DemoParams",
    "DemoSettings",
    "Fault",
    "NoEntryError",
    "Trouble",
    "Verb",
    "World",
    "forget_worlds",
    "world_of",
]


SAID: Mapping[Fault, Callable[[float], AdapterError]] = {
    Fault.REFUSE: lambda _: RefusedError("the demo provider refuses"),
    Fault.UNREACHABLE: lambda _: UnreachableError("the demo provider is not there"),
    Fault.THROTTLE: lambda wait: UnreachableError("too many calls", retry_after=wait),
    Fault.LOST_ANSWER: lambda _: UnreachableError("the line was cut"),
    Fault.PENDING: lambda wait: PendingError("taken on by the demo provider", retry_after=wait),
}
"""What the caller is told, by the fault; `wait` is in seconds."""


class DemoSettings(ProviderSettings):
    """The provider's block. Nothing has to be said."""


class DemoParams(GrantParams):
    """A resource's `grant` block. `shared` is access that cannot carry our mark: a membership."""

    level: str = Field(default="read", min_length=1, max_length=80)
    shared: bool = False


class DemoAdapter(Adapter):
    """See the module."""

    kind: ClassVar[str] = "demo"
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
        | Caps.WATCHES_SESSIONS
    )
    settle: ClassVar[timedelta] = timedelta(seconds=1)
    forms: ClassVar[Mapping[str, Caps]] = {"shared: true": Caps.NONE}
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

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """None of them for `shared` access."""
        return Caps.NONE if params.get("shared") else self.capabilities

    def makes(self, params: Mapping[str, Any]) -> str:
        """An entry in memory, and nothing else."""
        return "shared access in memory" if params.get("shared") else "a login in memory"

    def cleanup(self, order: Order) -> str:
        """A line of Python: the world is in memory only."""
        return f"world_of({self.name!r}).access.pop({self._key(order)!r})"

    async def _probe(self) -> list[str]:
        await self._meet("probe", "-", lambda: None)
        return []

    async def _counterpart(self, order: Order) -> str | None:
        await self._meet("counterpart", "-", lambda: None)
        return self._stranger(order)

    async def _grant(self, order: Order) -> None:
        params = DemoParams.model_validate(dict(order.params))

        def act() -> None:
            if stranger := self._stranger(order):
                raise RefusedError(stranger)
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

    def _stranger(self, order: Order) -> str | None:
        email = order.person.email
        if email not in self.world.strangers:
            return None
        return f"{self.name} knows nobody called {email}. Ask its owners to add you."

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
            case Fault.SLOW:
                await asyncio.sleep(trouble.seconds)
                act()
            case Fault.LAND_LATE | Fault.PENDING:
                world.land(lambda: _quietly(act), seconds=trouble.seconds)
            case Fault.LOST_ANSWER:
                act()
        if trouble.fault in (Fault.HANG, Fault.LAND_LATE):
            await asyncio.Event().wait()
        if said := SAID.get(trouble.fault):
            raise said(trouble.seconds)


def _quietly(act: Callable[[], object]) -> None:
    """Nobody listens any more to what a late call has to say."""
    try:
        act()
    except RefusedError:
        return
