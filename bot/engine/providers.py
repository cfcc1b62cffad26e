"""The providers of the policy, as adapters ready to be called, each behind its bulkhead."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from adapters.base import (
    PATIENCE,
    Adapter,
    AdapterError,
    Ask,
    Caps,
    Credential,
    Effects,
    Order,
    PendingError,
    Person,
    Presence,
    RefusedError,
    Session,
    UnreachableError,
)
from bot.domain.errors import CurfewError, ProgramError
from bot.domain.grant import Grant, Task
from bot.engine.bulkhead import CALLS_PER_PROVIDER, Bulkhead, OpenCircuitError
from bot.engine.ports import Meter

T = TypeVar("T")

Ours = Callable[[float], Awaitable[None]]
"""Awaited before a call that gives access, with the seconds it may take: raises when it must not be
made, because the grant is no longer ours."""

MANUAL, TIMED, MAKING, LOOKING = range(4)
"""Urgencies: ends that a person pressed, ends by the clock, grants, and looks."""


SAID = {None: None, Task.MAKE: Presence.PRESENT, Task.REMOVE: Presence.ABSENT}
"""What a person's word means for a provider that is a person."""


def order_of(grant: Grant) -> Order:
    """What the adapter is told, from the row's snapshot; an approved extension has its own end."""
    end = grant.expires_at
    if grant.extension is not None and grant.extension.end is not None:
        end = grant.extension.end
    if end is None:
        raise ProgramError("nothing is asked of a provider without an end")
    person = grant.order.person
    return Order(
        grant_id=grant.id,
        resource=grant.resource,
        params=grant.order.params,
        person=Person(person.user, person.email, person.name, person.names),
        expires_at=end,
        said=SAID[grant.done],
    )


class Providers:
    """Every call to a provider goes through here: gate, measure, error family."""

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        meter: Meter,
        *,
        limit: int = CALLS_PER_PROVIDER,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`adapters` by the provider's name in the policy; `limit` calls at once for each."""
        self.moment = moment
        self._limit = limit
        self._adapters = dict(adapters)
        self._gates: dict[str, Bulkhead] = {}
        self._meter = meter

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._adapters))

    @property
    def busy(self) -> tuple[str, ...]:
        """Providers that have more work than they take at once."""
        return tuple(name for name, gate in self._gates.items() if gate.busy)

    @property
    def held_up(self) -> int:
        """Calls that wait at busy providers: they keep nobody's hands."""
        return sum(gate.waiting for gate in self._gates.values() if gate.busy)

    async def replace(self, adapters: Mapping[str, Adapter]) -> None:
        """Take the adapters of a new policy; those that are there no more are closed."""
        gone = [old for name, old in self._adapters.items() if adapters.get(name) is not old]
        self._adapters = dict(adapters)
        await asyncio.gather(*(adapter.aclose() for adapter in gone))

    def adapter(self, name: str) -> Adapter:
        """Raises `UnreachableError` for a provider that the policy does not have."""
        found = self._adapters.get(name)
        if found is None:
            raise UnreachableError(f"the policy has no provider {name!r}")
        return found

    def caps(self, grant: Grant) -> Caps:
        """What the provider can do for this grant; nothing when the policy lost it."""
        found = self._adapters.get(grant.order.provider)
        return found.caps(grant.order.params) if found else Caps.NONE

    def effects(self, grant: Grant) -> Effects:
        """What people are told of this access; nothing when the policy lost its provider."""
        found = self._adapters.get(grant.order.provider)
        return found.effects(grant.order.params) if found else Effects()

    def settle(self, grant: Grant) -> timedelta:
        found = self._adapters.get(grant.order.provider)
        return found.settle if found else timedelta(0)

    def patience(self, grant: Grant) -> timedelta:
        """How long making this access may take in all."""
        found = self._adapters.get(grant.order.provider)
        return found.patience(grant.order.params) if found else PATIENCE

    def cleanup(self, grant: Grant) -> str:
        """What a human does at the provider when all else fails."""
        found = self._adapters.get(grant.order.provider)
        if found is None:
            return f"Put the provider {grant.order.provider} back into the policy."
        return found.cleanup(order_of(grant))

    def task(self, grant: Grant, task: Task) -> str:
        """What a person is asked to do by hand. Raises `AdapterError` where nobody is."""
        wanted = Presence.PRESENT if task is Task.MAKE else Presence.ABSENT
        return self.adapter(grant.order.provider).task(order_of(grant), wanted)

    async def counterpart(self, name: str, order: Order) -> str | None:
        """Why the provider cannot let this person in; None too where it knows nobody in advance."""
        if not self.adapter(name).knows_people:
            return None
        return await self._call(name, "counterpart", MANUAL, lambda one: one.counterpart(order))

    async def grant(self, grant: Grant, ours: Ours) -> None:
        """`ours` is awaited when it is our turn, right before the call; what it raises ends it."""

        async def give(adapter: Adapter, order: Order) -> None:
            await ours(adapter.call_limit)
            await adapter.grant(order)

        await self._do(grant, "grant", MAKING, give)

    async def remove(self, grant: Grant, *, urgency: int = TIMED) -> Presence:
        """Revoke, and what is there afterwards."""
        return await self._remove(grant.order.provider, order_of(grant), urgency)

    async def verify(self, grant: Grant) -> Presence:
        return await self._do(grant, "verify", LOOKING, Adapter.verify)

    def asks(self, grant: Grant) -> tuple[Ask, ...]:
        """What the person is asked before credentials are made."""
        found = self._adapters.get(grant.order.provider)
        return found.asks if found else ()

    async def issue(self, grant: Grant, answers: Mapping[str, str]) -> Credential:
        return await self._do(
            grant, "issue", MANUAL, lambda a, o: a.issue(replace(o, answers=answers))
        )

    async def document(self, name: str, document: str) -> bytes | None:
        """What a provider shows to its machines; None where there is none of that name."""
        if name not in self._adapters:
            return None
        return await self._call(name, "document", LOOKING, lambda one: one.document(document))

    async def sessions(self, grant: Grant) -> tuple[Session, ...]:
        return await self._do(grant, "sessions", LOOKING, Adapter.sessions)

    async def remove_mark(self, name: str, grant_id: str, now: datetime) -> Presence:
        """Revoke what carries a mark that no grant is known for; what is there afterwards."""
        nobody = Person(user="")
        order = Order(grant_id, resource="", params={}, person=nobody, expires_at=now)
        return await self._remove(name, order, TIMED)

    async def owned(self, name: str) -> frozenset[str]:
        """The marks at one provider. Raises `UnsupportedError` where it cannot list them."""
        return await self._call(name, "owned", LOOKING, lambda adapter: adapter.owned())

    def _do(
        self,
        grant: Grant,
        verb: str,
        urgency: int,
        call: Callable[[Adapter, Order], Awaitable[T]],
    ) -> Awaitable[T]:
        order = order_of(grant)
        return self._call(grant.order.provider, verb, urgency, lambda adapter: call(adapter, order))

    async def _call(
        self, name: str, verb: str, urgency: int, call: Callable[[Adapter], Awaitable[T]]
    ) -> T:
        adapter = self.adapter(name)
        gate = await self._entered(name, verb, urgency)
        try:
            return await self._measured(gate, name, verb, call(adapter))
        finally:
            gate.leave()

    async def _remove(self, name: str, order: Order, urgency: int) -> Presence:
        """One turn for both: what was revoked need not wait behind the others to be looked at."""
        adapter = self.adapter(name)
        gate = await self._entered(name, "revoke", urgency)
        try:
            await self._measured(gate, name, "revoke", adapter.revoke(order))
            return await self._measured(gate, name, "verify", adapter.verify(order))
        finally:
            gate.leave()

    async def _entered(self, name: str, verb: str, urgency: int) -> Bulkhead:
        """Our turn at this provider; the gate is to be left."""
        gate, began = self._gate(name), time.perf_counter()
        try:
            await gate.enter(urgency)
        except OpenCircuitError as error:
            took = time.perf_counter() - began
            self._meter.observe_provider_call(name, verb, "circuit_open", took)
            raise UnreachableError(str(error), retry_after=error.retry_after) from None
        return gate

    async def _measured(self, gate: Bulkhead, name: str, verb: str, call: Awaitable[T]) -> T:
        outcome, began = "ok", time.perf_counter()
        try:
            result = await call
            gate.answered()
        except UnreachableError:
            outcome = "unreachable"
            gate.fell_silent()
            raise
        except RefusedError:
            outcome = "refused"
            gate.answered()
            raise
        except PendingError:
            outcome = "pending"
            gate.answered()
            raise
        except AdapterError:
            outcome = "unsupported"
            raise
        except CurfewError:
            outcome = "not_ours"
            raise
        else:
            return result
        finally:
            self._meter.observe_provider_call(name, verb, outcome, time.perf_counter() - began)

    def _gate(self, name: str) -> Bulkhead:
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = Bulkhead(self._limit, moment=self.moment)
        return gate
