"""Who is connected through a grant: openings and closings become events, each told once."""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from adapters.base import AdapterError, Caps, Session
from bot.domain.grant import Grant, State
from bot.domain.record import Event, EventKind
from bot.engine.ledger import Ledger, Pen
from bot.engine.providers import Providers
from bot.storage import store

log = structlog.get_logger("curfew.engine")

PAGE = 200


class Watch:
    """One look at the sessions of everything that is active, where the adapter can tell."""

    def __init__(self, ledger: Ledger, providers: Providers) -> None:
        """Stateless: the sessions that were told as opened are in the database."""
        self._ledger = ledger
        self._providers = providers

    async def run(self) -> None:
        after: store.Position | None = None
        while True:
            page = await self._ledger.read(partial(_active, after=after))
            for grant in page:
                if Caps.WATCHES_SESSIONS in self._providers.caps(grant):
                    await self._look(grant)
            if len(page) < PAGE:
                break
            after = store.position(page[-1])
        for grant_id in await self._ledger.read(store.grants_left):
            await self._ledger.write(partial(_close_all, grant_id=grant_id))

    async def _look(self, grant: Grant) -> None:
        try:
            there = await self._providers.sessions(grant)
        except AdapterError as error:
            log.info("sessions not seen", grant=grant.id, error=str(error))
            return
        known = await self._ledger.read(partial(store.open_sessions, grant_id=grant.id))
        if {session.id for session in there} != known.keys():
            await self._ledger.write(partial(_tell, grant_id=grant.id, there=there))


def _active(conn: Connection, *, after: store.Position | None) -> list[Grant]:
    return store.list_grants(conn, states=(State.ACTIVE,), after=after, limit=PAGE)


def _tell(pen: Pen, *, grant_id: str, there: tuple[Session, ...]) -> None:
    known = store.open_sessions(pen.conn, grant_id)
    here = {session.id: session for session in there}
    opened = {key: one for key, one in here.items() if key not in known}
    store.add_sessions(pen.conn, grant_id, {key: one.since for key, one in opened.items()})
    for session in opened.values():
        data: dict[str, object] = {"session": session.id, "program": session.program[:64]}
        _note(pen, EventKind.SESSION_OPENED, grant_id, data)
    gone = {key: since for key, since in known.items() if key not in here}
    _close(pen, grant_id, gone, at=pen.now)


def _close_all(pen: Pen, *, grant_id: str) -> None:
    """The access ended while they were open: that it is gone was proven, and they with it."""
    grant = pen.grant(grant_id)
    if grant is not None and grant.ended_at is not None:
        _close(pen, grant_id, store.open_sessions(pen.conn, grant_id), at=grant.ended_at)


def _close(pen: Pen, grant_id: str, gone: dict[str, datetime], *, at: datetime) -> None:
    """Sessions that were told as opened and are there no more."""
    for session, since in sorted(gone.items()):
        seconds = max(0, int((at - since).total_seconds()))
        _note(pen, EventKind.SESSION_CLOSED, grant_id, {"session": session, "seconds": seconds})
    if gone:
        store.drop_sessions(pen.conn, grant_id, gone)


def _note(pen: Pen, kind: EventKind, grant_id: str, data: dict[str, object]) -> None:
    pen.note(Event(kind=kind, at=pen.now, actor="worker", grant_id=grant_id, data=data))
