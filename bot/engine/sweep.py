"""Comparing what we know with what is there, at each provider.

- What carries our mark and has no live grant is revoked and reported as an orphan, when the log
  knows the grant. A mark that the log never knew is reported and left until an admin confirms:
  this may be a restored database, and then it is the log that is wrong.
- What should be there and is not is lost: the grant ends, and the person is told.
- While a restore waits for an admin's word, a sweep only reports.
"""

from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from adapters.base import AdapterError, Caps, Presence, UnsupportedError
from bot.domain.acts import Finish, Role
from bot.domain.grant import EndReason, Grant, State
from bot.domain.record import Event, EventKind
from bot.engine.ledger import Ledger, Pen
from bot.engine.providers import Providers
from bot.engine.restoring import CONFIRMED, MISSING, REPORTED, UNKNOWN, is_pending
from bot.storage import store

log = structlog.get_logger("curfew.engine")

YOUNG: Final = timedelta(seconds=10)
"""A provider may list what it just made a little late."""


class Sweep:
    """One look at every provider."""

    def __init__(self, ledger: Ledger, providers: Providers) -> None:
        """Stateless: what was reported before is kept in the database."""
        self._ledger = ledger
        self._providers = providers

    async def run(self) -> None:
        """All providers, one after the other; one that does not answer is left for next time."""
        for name in self._providers.names:
            try:
                await self._sweep(name)
            except AdapterError as error:
                log.warning("provider not swept", provider=name, error=str(error))

    async def _sweep(self, name: str) -> None:
        try:
            owned = await self._providers.owned(name)
        except UnsupportedError:
            owned = None
        live = await self._ledger.read(partial(store.live_ids_by_provider, provider=name))
        restored = await self._ledger.read(is_pending)
        for grant_id in sorted((owned or frozenset()) - live.keys()):
            await self._orphan(name, grant_id, restored=restored)
        await self._forget_gone(name, owned or frozenset())
        active = [grant_id for grant_id, state in live.items() if state is State.ACTIVE]
        for grant_id in active:
            if owned is None or grant_id not in owned:
                await self._check(grant_id, restored=restored)

    async def _forget_gone(self, name: str, owned: frozenset[str]) -> None:
        """Marks that were reported and went by themselves: nobody's word is wanted for them."""
        told = await self._ledger.read(partial(store.settings_named, prefix=f"{UNKNOWN}{name}:"))
        gone = [key for key in told if key.rpartition(":")[2] not in owned]
        if gone:
            await self._ledger.write(partial(_forget, keys=gone))

    async def _orphan(self, name: str, grant_id: str, *, restored: bool) -> None:
        """Looked up again first: the list may be older than the row."""
        grant = await self._ledger.read(partial(store.get_grant, grant_id=grant_id))
        if grant is not None and grant.state.live:
            return
        known = grant is not None
        word = await self._ledger.write(partial(_report, name=name, mark=grant_id, known=known))
        if restored or word == REPORTED:
            return
        now = self._ledger.clock.now()
        if grant is not None and grant.expires_at is not None:
            presence = await self._providers.remove(grant)
        else:
            presence = await self._providers.remove_mark(name, grant_id, now)
        if presence is Presence.ABSENT:
            await self._ledger.write(partial(_removed, name=name, mark=grant_id, known=known))

    async def _check(self, grant_id: str, *, restored: bool) -> None:
        """Absent at a look made for it alone: lost, or kept in mind while a restore is open."""
        grant = await self._ledger.read(partial(store.get_grant, grant_id=grant_id))
        if grant is None or not self._due_for_check(grant):
            return
        if await self._providers.verify(grant) is Presence.ABSENT:
            await self._ledger.write(partial(_miss if restored else _lose, known=grant))

    def _due_for_check(self, grant: Grant) -> bool:
        now = self._ledger.clock.now()
        if grant.state is not State.ACTIVE or grant.started_at is None:
            return False
        if now - grant.started_at < YOUNG + self._providers.settle(grant):
            return False
        native = Caps.NATIVE_EXPIRY in self._providers.caps(grant)
        # Near its end the provider may have ended it by itself, and the clock is about to.
        return not (native and grant.expires_at is not None and grant.expires_at - now < YOUNG)


def _report(pen: Pen, *, name: str, mark: str, known: bool) -> str:
    """Said once for each mark. The word on it: what the log knows needs nobody's."""
    key = f"{UNKNOWN}{name}:{mark}"
    word = store.get_setting(pen.conn, key)
    if word is not None:
        return word
    word = CONFIRMED if known else REPORTED
    store.set_setting(pen.conn, key, word)
    _note(pen, EventKind.ORPHAN_FOUND, name, mark, known=known)
    return word


def _removed(pen: Pen, *, name: str, mark: str, known: bool) -> None:
    store.drop_setting(pen.conn, f"{UNKNOWN}{name}:{mark}")
    _note(pen, EventKind.ORPHAN_REMOVED, name, mark, known=known)


def _forget(pen: Pen, *, keys: list[str]) -> None:
    for key in keys:
        store.drop_setting(pen.conn, key)


def _note(pen: Pen, kind: EventKind, name: str, mark: str, *, known: bool) -> None:
    data: dict[str, object] = {"provider": name, "mark": mark, "known": known}
    pen.note(Event(kind, pen.now, "worker", mark if known else None, data))


def _miss(pen: Pen, *, known: Grant) -> None:
    """What an admin is shown; a confirmed restore is followed by a look of its own."""
    store.set_setting(pen.conn, f"{MISSING}{known.id}", REPORTED)


def _lose(pen: Pen, *, known: Grant) -> None:
    grant = pen.grant(known.id)
    if grant is not None and grant.state is State.ACTIVE and grant.version == known.version:
        pen.step(grant, Finish(actor="worker", role=Role.WORKER, why=EndReason.LOST))
