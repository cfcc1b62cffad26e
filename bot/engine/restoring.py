"""A database that was put back: seen at the start, said, and not acted on until an admin says so.

The log is then shorter than what was signed last, or says something else at that line. What the
rows know for sure goes on: their ends are kept. What only a comparison with the providers would
do (removing marks that the log does not know, ending grants that are not found) is reported and
waits for `curfew restore confirm`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from bot.domain.checkpoint import Statement
from bot.domain.grant import State
from bot.domain.record import Event, EventKind
from bot.engine.ledger import Ledger, Pen
from bot.engine.proving import RESTORE, Witness
from bot.storage import store

log = structlog.get_logger("curfew.engine")

UNKNOWN: Final = "unknown:"
"""Before `provider:mark` in the settings: a mark that the log never knew, and what was decided."""
REPORTED: Final = "reported"
CONFIRMED: Final = "confirmed"
ANSWERED: Final = "restore answered"
"""In the settings: the size of the lost log that an admin has confirmed the loss of."""
MISSING: Final = "missing:"
"""Before a grant's id: active here, and its provider does not know of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits for an admin's word. `signed` and `log` are numbers of lines, None for none.

    Marks are `provider:mark`. `unknown` ones the log never knew, `known` ones ended in it and are
    still there; `missing` are the ids of grants that a provider does not know of.
    """

    signed: int | None = None
    log: int | None = None
    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_restored(self) -> bool:
        """The log is behind what was signed."""
        return self.signed is not None

    @property
    def waits(self) -> bool:
        """Something is held back until an admin says so."""
        return self.is_restored or bool(self.unknown)


class Restoring:
    """Whether this database was put back, and what to do about it."""

    def __init__(self, ledger: Ledger, witness: Witness) -> None:
        """`witness` is the file that remembers the last signed checkpoint."""
        self._ledger = ledger
        self._witness = witness

    async def look(self) -> None:
        """At the start: compare the log with what was signed last."""
        seen = self._witness.read()
        if seen is None:
            return
        if await self._ledger.write(partial(_suspect, seen=seen)):
            log.error("the log is behind what was signed", signed=seen.size)

    async def pending(self) -> bool:
        """An admin's word is waited for."""
        return await self._ledger.read(is_pending)

    async def standing(self) -> Standing:
        """What was seen, and what a sweep would do if it were let."""
        return await self._ledger.read(standing)

    async def confirm(self, *, operator: str) -> int:
        """An admin's word: the comparison counts. How many unknown marks will be removed."""
        return await self._ledger.write(partial(_confirm, actor=f"cli:{operator}"))


def is_pending(conn: Connection) -> bool:
    """Whether an admin's word is waited for."""
    return store.get_setting(conn, RESTORE) is not None


def standing(conn: Connection) -> Standing:
    """What was seen by the start and by the sweeps since."""
    kept = store.get_setting(conn, RESTORE)
    found: dict[str, int] = json.loads(kept) if kept is not None else {}
    marks = store.settings_named(conn, UNKNOWN)
    return Standing(
        signed=found.get("signed"),
        log=found.get("log"),
        unknown=_without(UNKNOWN, (name for name, word in marks.items() if word == REPORTED)),
        known=_without(UNKNOWN, (name for name, word in marks.items() if word == CONFIRMED)),
        missing=_still_active(conn, _without(MISSING, store.settings_named(conn, MISSING))),
    )


def _without(prefix: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name.removeprefix(prefix) for name in names))


def _still_active(conn: Connection, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Their own end may have come since they were missed."""
    rows = store.get_grants(conn, ids)
    return tuple(one for one in ids if one in rows and rows[one].state is State.ACTIVE)


def _suspect(pen: Pen, *, seen: Statement) -> bool:
    """True when there is something to suspect; said once."""
    if is_pending(pen.conn):
        return True
    head = store.head(pen.conn)
    line = store.get_event(pen.conn, seen.size)
    if line is not None and line.hash == seen.head:
        return False
    if store.get_setting(pen.conn, ANSWERED) == str(seen.size):
        return False  # an admin has spoken, and the next checkpoint is still to come
    found = {"signed": seen.size, "log": head.seq}
    store.set_setting(pen.conn, RESTORE, json.dumps(found))
    pen.note(Event(EventKind.RESTORE_SUSPECTED, pen.now, "bot", data=found))
    return True


def _confirm(pen: Pen, *, actor: str) -> int:
    waiting = store.settings_named(pen.conn, UNKNOWN)
    reported = [name for name, value in waiting.items() if value == REPORTED]
    for name in reported:
        store.set_setting(pen.conn, name, CONFIRMED)
    for name in store.settings_named(pen.conn, MISSING):
        store.drop_setting(pen.conn, name)
    if (signed := standing(pen.conn).signed) is not None:
        store.set_setting(pen.conn, ANSWERED, str(signed))
    store.drop_setting(pen.conn, RESTORE)
    pen.note(Event(EventKind.RESTORE_CONFIRMED, pen.now, actor, data={"marks": len(reported)}))
    return len(reported)
