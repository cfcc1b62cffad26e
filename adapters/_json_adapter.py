"""Adapters whose other side is a company's own: the hooks as JSON, whatever carries it."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from pydantic import JsonValue

from adapters import _json_protocol as protocol
from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    Session,
)

S = TypeVar("S", bound=protocol.Shape)


class JsonSettings(ProviderSettings):
    """`can` is what the other side promises beyond grant, revoke and verify."""

    can: frozenset[protocol.Can] = frozenset({"per_grant"})


class JsonParams(GrantParams):
    """A resource's `grant` block: `access` is the other side's own, handed on as it is."""

    access: dict[str, JsonValue]


class JsonAdapter(Adapter):
    """Asks the other side for everything. What carries the words is left to `_send`."""

    whose: ClassVar[str]
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
        | Caps.WATCHES_SESSIONS
    )
    settle: ClassVar[timedelta] = timedelta(seconds=30)
    forms: ClassVar[Mapping[str, Caps]] = {"can: [per_grant]": Caps.PER_GRANT}
    Params: ClassVar[type[GrantParams]] = JsonParams

    settings: JsonSettings

    def __init__(self, name: str, settings: JsonSettings, *, call_limit: float = 10.0) -> None:
        """As the base; claims what the settings say that the other side can."""
        super().__init__(name, settings, call_limit=call_limit)
        self.capabilities = protocol.caps_of(settings.can)

    @property
    def knows_people(self) -> bool:
        """As the settings say."""
        return protocol.KNOWS_PEOPLE in self.settings.can

    @abstractmethod
    async def _send(self, verb: str, body: bytes) -> bytes:
        """The answer to one call that was done; raises what any other answer means."""

    async def _probe(self) -> list[str]:
        return (await self._ask("probe", protocol.Missing)).missing

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        return (await self._ask("probe", protocol.Missing, access=params["access"])).missing

    async def _counterpart(self, order: Order) -> str | None:
        return (await self._ask("counterpart", protocol.Counterpart, order)).missing

    async def _grant(self, order: Order) -> None:
        await self._ask("grant", protocol.Done, order)

    async def _revoke(self, order: Order) -> None:
        await self._ask("revoke", protocol.Done, order)

    async def _verify(self, order: Order) -> Presence:
        return (await self._ask("verify", protocol.Found, order)).presence

    async def _issue(self, order: Order) -> Credential:
        return (await self._ask("issue", protocol.Issued, order)).credential

    async def _owned(self) -> frozenset[str]:
        return (await self._ask("owned", protocol.Owned)).grants

    async def _sessions(self, order: Order) -> tuple[Session, ...]:
        return (await self._ask("sessions", protocol.Sessions, order)).open

    def _fact(self, order: Order) -> str:
        return protocol.fact(order, self.name, self.kind)

    async def _ask(
        self, verb: str, shape: type[S], order: Order | None = None, **more: object
    ) -> S:
        document = {**(protocol.order_json(order) if order else {}), **more, "verb": verb}
        answer = await self._send(verb, protocol.encoded(document))
        return protocol.read(shape, answer, whose=self.whose)
