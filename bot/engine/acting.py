"""How a person's act becomes a transaction: look up who takes part, decide on the row, or refuse.

The row that authority was looked up for is the row that is written: when it changed in between,
everybody is looked up again. Every refusal is in the log before the person hears of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from bot.domain.acts import Act, Cancel, Role
from bot.domain.errors import CurfewError, IllegalEventError, RefusalError
from bot.domain.grant import Grant, State
from bot.domain.record import Event, EventKind
from bot.engine.authority import Authority, Parties
from bot.engine.ledger import Ledger, Pen
from bot.engine.wording import last_act, present_state
from bot.storage import store
from bot.storage.errors import AwayError

LOOKS: Final = 5
"""How often a row may change under us before we say that it is too busy."""


class _MovedError(CurfewError):
    """The row is another than the one that authority was looked up for."""


class Decide(Protocol):
    """Makes the act from who takes part; raises `RefusalError` for who may not."""

    def __call__(self, grant: Grant, parties: Parties, now: datetime) -> Act: ...


May = Callable[[Grant, Parties], None]
"""Raises `RefusalError` for who may not."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to do to a grant. `guard` checks what needs the rows."""

    user: str
    grant_id: str
    decide: Decide
    seen: str | None = None
    guard: Callable[[Pen, Grant, Parties], None] | None = None

    def change(self, pen: Pen, parties: Parties, version: int) -> Grant:
        """The grant after the act; as it is, when this request was seen before."""
        grant = found(pen.grant(self.grant_id), self.grant_id)
        if not first_time(pen, self.seen):
            return grant
        if grant.version != version:
            raise _MovedError
        act = self.decide(grant, parties, pen.now)
        if self.guard is not None:
            self.guard(pen, grant, parties)
        return pen.step(grant, act)


class Acting:
    """Runs intents."""

    def __init__(self, ledger: Ledger, authority: Authority) -> None:
        """Stateless: any number of calls at once."""
        self._ledger = ledger
        self._authority = authority

    async def run(self, intent: Intent) -> Grant:
        """The grant after the act. Raises `RefusalError`, and the storage's errors."""
        try:
            return await self._try(intent)
        except IllegalEventError as error:
            refusal = await self.stale(error.grant, intent.user)
        except RefusalError as error:
            refusal = error
        await self.note(EventKind.CLICK_REFUSED, intent.user, refusal, grant_id=intent.grant_id)
        if refusal.code == "rule_changed":
            await self._cancel(intent.grant_id, refusal.message)
        raise refusal

    async def check(self, user: str, grant_id: str, may: May) -> None:
        """Nothing but the question; a no is in the log as it would be for the act itself."""
        try:
            known = await self._ledger.read(lambda conn: store.get_grant(conn, grant_id))
            grant = found(known, grant_id)
            may(grant, await self._authority.parties(grant, user))
        except RefusalError as refusal:
            await self.note(EventKind.CLICK_REFUSED, user, refusal, grant_id=grant_id)
            raise

    async def _try(self, intent: Intent) -> Grant:
        for _ in range(LOOKS):
            known = await self._ledger.read(lambda conn: store.get_grant(conn, intent.grant_id))
            grant = found(known, intent.grant_id)
            parties = await self._authority.parties(grant, intent.user)
            try:
                change = partial(intent.change, parties=parties, version=grant.version)
                return await self._ledger.write(change)
            except _MovedError:
                continue
        raise AwayError("Too many people act on this at once.", hint="Try again.")

    async def _cancel(self, grant_id: str, why: str) -> None:
        """A request whose rule is another now is over: widening never reaches an open one."""

        def change(pen: Pen) -> None:
            grant = pen.grant(grant_id)
            if grant is not None and grant.state in (State.PENDING, State.SCHEDULED):
                pen.step(grant, Cancel(actor="clock", role=Role.CLOCK, reason=why))

        await self._ledger.write(change)

    async def stale(self, grant: Grant, user: str) -> RefusalError:
        """What to tell somebody whose click met another state than they saw."""
        events = await self._ledger.read(lambda conn: store.events_of(conn, grant.id))
        act = last_act(events)
        reader = await self._authority.account(user)
        who = act.actor if act else ""
        if act is not None and act.actor[:1] in "UW":
            who = (await self._authority.account(act.actor)).name or act.actor
        return RefusalError("stale", present_state(grant, act, who=who, zone=reader.timezone))

    async def note(
        self,
        kind: EventKind,
        user: str,
        refusal: RefusalError,
        *,
        grant_id: str | None = None,
        resource: str | None = None,
    ) -> None:
        """A refusal is a line of the log too. What was typed as a name may be anything: cut."""
        data: dict[str, object] = {"code": refusal.code}
        asked = None if resource is None else resource[:64]
        if asked is not None:
            data["resource"] = asked

        def change(pen: Pen) -> None:
            known = grant_id is not None and pen.grant(grant_id) is not None
            about = grant_id if known else None
            event = Event(kind, pen.now, user, grant_id=about, data=data, resource=asked)
            pen.note(event)

        await self._ledger.write(change)


def first_time(pen: Pen, seen: str | None) -> bool:
    """False for a request that was seen before."""
    return seen is None or store.remember(pen.conn, seen, pen.now)


def found(grant: Grant | None, grant_id: str) -> Grant:
    """The grant, or a `RefusalError` that says that there is none of that id."""
    if grant is None:
        raise RefusalError(
            "unknown_grant", f"There is no grant {grant_id[:20]}.", hint="/access mine shows yours."
        )
    return grant
