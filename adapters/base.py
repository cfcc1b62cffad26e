"""The contract between the bot and whatever gives and takes access.

Rules that every adapter keeps:

- Each hook may be repeated. A call may have been cut off at any point before; the next one
  finds what it left by the grant's mark and carries on.
- Everything made in a provider carries the mark, which comes from the grant id alone.
- What was there before us is never taken away.
- An absent thing that should be absent is success.
- A hook raises `UnreachableError` (time may heal it), `RefusedError` (a human must act) or
  `PendingError` (taken on, not done yet); whatever else escapes is treated as unreachable, so that
  it is tried again.

Authors write the hooks (leading underscore); the bot calls the public methods, which set the time
limit, log with the mark and keep secrets out of messages. Standard library and pydantic only.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, final

from pydantic import SecretStr

from adapters._fence import MESSAGE_LIMIT, Fence, cleaned
from adapters.terms import (
    AdapterError,
    Ask,
    Caps,
    Credential,
    Effects,
    GrantParams,
    Order,
    PendingError,
    Person,
    Presence,
    ProviderSettings,
    RefusedError,
    Session,
    Snippet,
    UnreachableError,
    UnsupportedError,
    complaints,
)

__all__ = [
    "MESSAGE_LIMIT",
    "PATIENCE",
    "Adapter",
    "AdapterError",
    "Ask",
    "Caps",
    "Credential",
    "Effects",
    "GrantParams",
    "Order",
    "PendingError",
    "Person",
    "Presence",
    "ProviderSettings",
    "RefusedError",
    "Session",
    "Snippet",
    "UnreachableError",
    "UnsupportedError",
    "complaints",
]

T = TypeVar("T")

PATIENCE = timedelta(seconds=60)
"""How long making access may take in all where the adapter does not say otherwise."""


class Adapter(ABC):
    """Access in one configured provider.

    Class declarations: `kind` (the word in the policy), `Settings`, `Params`, `capabilities`,
    `settle` (how long after a call was given up on it may still take effect at the provider),
    `sessions_last` (how long one that is open at the end goes on at most, where the provider says),
    `is_exclusive` (a grant has its thing alone: `_fact` names it, and a second one is refused),
    `asks` (what a person is asked before credentials are made), and `forms`: what a `grant` block
    can say that changes its capabilities, for the table in the docs.
    Where the settings decide, `__init__` narrows `capabilities` for the one provider.
    """

    kind: ClassVar[str]
    capabilities: Caps
    settle: ClassVar[timedelta] = timedelta(0)
    sessions_last: ClassVar[timedelta | None] = None
    is_exclusive: ClassVar[bool] = False
    forms: ClassVar[Mapping[str, Caps]] = MappingProxyType({})
    asks: ClassVar[tuple[Ask, ...]] = ()
    Settings: ClassVar[type[ProviderSettings]] = ProviderSettings
    Params: ClassVar[type[GrantParams]] = GrantParams

    def __init__(self, name: str, settings: ProviderSettings, *, call_limit: float = 10.0) -> None:
        """`name` is the provider's in the policy; `call_limit` is in seconds, for each call.

        Opens nothing: connections are made by the first call.
        """
        self.name = name
        self.settings = settings
        self.call_limit = call_limit
        self._secrets = tuple(
            value.get_secret_value()
            for value in dict(settings).values()
            if isinstance(value, SecretStr) and value.get_secret_value()
        )

    # --- what the bot calls -------------------------------------------------------------------

    @final
    async def probe(self, blocks: Iterable[Mapping[str, Any]] = ()) -> list[str]:
        """What is missing for this provider to work, a sentence with its remedy each.

        `blocks` are the `grant` blocks of the resources that it serves: what they name is looked
        at too. Empty when all is well. Changes nothing.
        """
        missing = await self._call("probe", "-", self._probe)
        for block in blocks:
            missing += await self._call("probe", "-", partial(self._examine, block))
        return list(dict.fromkeys(missing))

    @final
    async def grant(self, order: Order) -> None:
        """Access is there afterwards, until `order.expires_at` where the provider ends it itself.

        Repeating it with a later end moves the end.
        """
        await self._call("grant", order.mark, lambda: self._grant(order))

    @final
    async def revoke(self, order: Order) -> None:
        """Nobody can start anew afterwards; with `ENDS_SESSIONS` what is open is cut."""
        await self._call("revoke", order.mark, lambda: self._revoke(order))

    @final
    async def verify(self, order: Order) -> Presence:
        """What a look at the provider finds. Changes nothing."""
        return await self._call("verify", order.mark, lambda: self._verify(order))

    @final
    async def issue(self, order: Order) -> Credential:
        """Fresh credentials; the former stop working. Refused where an answer is wrong."""
        self._claimed(order, Caps.ISSUES_CREDENTIALS, "issue credentials")
        if wrong := complaints(self.asks, order.answers):
            raise RefusedError(" ".join(wrong.values()))
        return await self._call("issue", order.mark, lambda: self._issue(order))

    @final
    async def counterpart(self, order: Order) -> str | None:
        """Why this person cannot be let in here, a sentence with its remedy; None if they can.

        Asked before anybody is asked to approve. Changes nothing.
        """
        return await self._call("counterpart", "-", lambda: self._counterpart(order))

    @property
    def knows_people(self) -> bool:
        """Whether `counterpart` asks the provider; without it nobody is looked up there."""
        return type(self)._counterpart is not Adapter._counterpart  # noqa: SLF001 - our own hook

    @final
    async def owned(self) -> frozenset[str]:
        """The grant ids of everything that carries our mark at the provider."""
        if Caps.LISTS_OWNED not in self.capabilities:
            raise UnsupportedError(f"{self.kind} cannot list what it made")
        return await self._call("owned", "-", self._owned)

    @final
    async def sessions(self, order: Order) -> tuple[Session, ...]:
        """Who is connected through this grant now."""
        self._claimed(order, Caps.WATCHES_SESSIONS, "watch sessions")
        return await self._call("sessions", order.mark, lambda: self._sessions(order))

    @final
    async def document(self, name: str) -> bytes | None:
        """What the bot's web server shows as `/providers/<provider>/<name>`, None for nothing.

        Machines of the provider fetch it without a password: there is no secret in it.
        """
        return await self._call("document", "-", lambda: self._document(name))

    @final
    def fact(self, order: Order) -> str | None:
        """The key of the provider-side fact, None where our mark tells things apart.

        Computed without asking the provider; two orders for the same thing give the same key.
        """
        if Caps.PER_GRANT in self.caps(order.params) and not self.is_exclusive:
            return None
        return f"{self.name}:{self._fact(order)}"

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """What this adapter can do for a `grant` block; its `capabilities` unless it says."""
        del params
        return self.capabilities

    @final
    def effects(self, params: Mapping[str, Any]) -> Effects:
        """What people are told of this access before they decide on it.

        A block that an older program took is no reason to show no card: then less is said.
        """
        caps = self.caps(params)
        try:
            makes = self.makes(params)
        except (LookupError, TypeError, ValueError):
            makes = Adapter.makes(self, params)
        return Effects(makes, caps, self.settle, self.sessions_last)

    def makes(self, params: Mapping[str, Any]) -> str:
        """What a grant with that block is at the provider; completes the sentence "It is …"."""
        del params
        return f"access at {self.name}"

    def patience(self, params: Mapping[str, Any]) -> timedelta:
        """How long making access may take in all, from the approval on, before it fails."""
        del params
        return PATIENCE

    def cleanup(self, order: Order) -> str:
        """What a human does at the provider when all else fails, ready to paste."""
        return f"Remove everything named {order.mark} from {self.name} by hand."

    def task(self, order: Order, wanted: Presence) -> str:
        """What a person is asked to do, so that access is as `wanted`; plain text.

        Only of an adapter that raises `PendingError` with `by_hand`.
        """
        raise UnsupportedError(f"{self.kind} asks nobody to make {order.mark} {wanted}")

    async def aclose(self) -> None:  # noqa: B027 - most adapters keep nothing open
        """Close what calls opened. May be repeated."""

    # --- what authors write -------------------------------------------------------------------

    @abstractmethod
    async def _probe(self) -> list[str]: ...

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        """What one `grant` block needs that is not there. Changes nothing."""
        del params
        return []

    async def _counterpart(self, order: Order) -> str | None:
        """For providers that have people of their own: who is not there cannot be let in."""
        del order
        return None

    @abstractmethod
    async def _grant(self, order: Order) -> None: ...

    @abstractmethod
    async def _revoke(self, order: Order) -> None: ...

    @abstractmethod
    async def _verify(self, order: Order) -> Presence: ...

    async def _issue(self, order: Order) -> Credential:
        raise UnsupportedError(f"{self.kind} has no credentials to issue for {order.mark}")

    async def _owned(self) -> frozenset[str]:
        raise UnsupportedError(f"{self.kind} cannot list what it made")

    async def _sessions(self, order: Order) -> tuple[Session, ...]:
        raise UnsupportedError(f"{self.kind} cannot watch the sessions of {order.mark}")

    async def _document(self, name: str) -> bytes | None:
        del name
        return None

    def _fact(self, order: Order) -> str:
        raise UnsupportedError(f"{self.kind} names no fact for {order.mark}")

    # --- the fence ----------------------------------------------------------------------------

    def _claimed(self, order: Order, cap: Caps, act: str) -> None:
        if cap not in self.caps(order.params):
            raise UnsupportedError(f"{self.kind} cannot {act}")

    def _call(self, verb: str, mark: str, hook: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        return Fence(self.name, self.call_limit, self.clean).call(verb, mark, hook)

    def clean(self, message: object) -> str:
        """One line of at most 240 characters in which no secret of the settings stands."""
        return cleaned(message, self._secrets)
