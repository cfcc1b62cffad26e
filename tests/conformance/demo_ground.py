"""The demo provider's world, seen by other eyes than the adapter's."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from adapters.base import Credential, Order, Session
from adapters.conformance import Door, Ground, Weather
from adapters.demo import Access, DemoAdapter, Fault, NoEntryError, Verb, World

VERBS: tuple[Verb, ...] = ("probe", "grant", "revoke", "verify", "issue", "owned", "sessions")
STORM = {
    Weather.DOWN: Fault.UNREACHABLE,
    Weather.SILENT: Fault.HANG,
    Weather.CROWDED: Fault.THROTTLE,
    Weather.LOCKED: Fault.REFUSE,
    Weather.FORBIDDEN: Fault.REFUSE,
}


class DemoDoor(Door):
    def __init__(self, world: World, session: Session) -> None:
        self.world, self.session = world, session

    async def is_open(self) -> bool:
        return self.world.is_open(self.session)

    async def close(self) -> None:
        for access in self.world.access.values():
            access.sessions.pop(self.session.id, None)


class DemoGround(Ground):
    def __init__(self, *, shared: bool) -> None:
        self.shared = shared
        self.moved = timedelta(0)
        self.world = World(clock=self.now)
        self.world.strangers.add(str(self.nobody().email))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.moved

    async def until(self, moment: datetime) -> None:
        self.moved = max(self.moved, moment - datetime.now(UTC) + timedelta(milliseconds=1))

    def connect(self, call_limit: float = 10.0) -> DemoAdapter:
        return DemoAdapter("playground", call_limit=call_limit, world=self.world)

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"level": ("read", "write")[number], "shared": self.shared}

    def level(self, order: Order) -> str:
        return str(order.params["level"])

    def fact(self, order: Order) -> str:
        return f"{self.level(order)}:{order.person.email}"

    async def inventory(self) -> frozenset[str]:
        return frozenset(f"{key} {asdict(entry)}" for key, entry in self.world.access.items())

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        if self.shared:
            return self.fact(order) in self.world.access
        if credential is None:
            return False
        try:
            session = self.world.enter(*credential.snippets[0].text.split(":"))
        except NoEntryError:
            return False
        await DemoDoor(self.world, session).close()
        return True

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        assert credential is not None, order.mark
        return DemoDoor(self.world, self.world.enter(*credential.snippets[0].text.split(":")))

    async def hold(self, order: Order) -> None:
        self.world.access[self.fact(order)] = Access(self.level(order))

    async def release(self, order: Order) -> None:
        del self.world.access[self.fact(order)]

    async def take_away(self, order: Order) -> None:
        del self.world.access[self.fact(order) if self.shared else order.mark]

    async def disguise(self) -> None:
        for name in ("curfew:abcdefgh0123", "xcurfew-abcdefgh0123", "curfew-a:b"):
            self.world.access[name] = Access("read")

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        for verb in ("grant", "revoke") if kind is Weather.FORBIDDEN else VERBS:
            self.world.fail(verb, STORM[kind], times=1000)
        yield
        self.world.heal()
