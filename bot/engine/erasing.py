"""Forgetting a person's words: those about their access, and those that they wrote elsewhere.

The chain holds commitments only, so the log stays whole; a line for each grant and one for the
person say what was erased, and without them the missing texts would be a fault. User ids, times
and what was given stay: they are the log.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from bot.domain.errors import RefusalError
from bot.domain.forgetting import forgotten
from bot.domain.grant import LIVE
from bot.domain.record import Event, EventKind
from bot.engine.ledger import Ledger, Pen
from bot.storage import store

PAGE: Final = 200
"""Grants in one transaction: it holds their rows and the end of the log."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of a person: grants that are over, lines that they wrote, live grants."""

    person: str
    grants: int
    lines: int
    live: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """What one transaction forgot, and where the next goes on."""

    grants: int
    lines: int
    after: store.Position | None


class Erasing:
    """Acts of a named local operator. A second try goes on where the first one stopped."""

    def __init__(self, ledger: Ledger) -> None:
        """Writes through the ledger like everybody else."""
        self._ledger = ledger

    async def look(self, person: str) -> Traces:
        """What is there of this user id, changing nothing."""
        return await self._ledger.read(partial(_look, person=person))

    async def erase(self, person: str, *, operator: str) -> Traces:
        """Forget it; what was forgotten. `RefusalError` while something of theirs is live."""
        actor = f"cli:{operator}"
        done: list[_Page] = []
        while not done or done[-1].after is not None:
            after = done[-1].after if done else None
            page = partial(_erase_page, person=person, actor=actor, after=after)
            done.append(await self._ledger.write(page))
        grants, lines = sum(one.grants for one in done), sum(one.lines for one in done)
        last = partial(_erase_words, person=person, actor=actor, grants=grants, lines=lines)
        return await self._ledger.write(last)


def _look(conn: Connection, *, person: str) -> Traces:
    live = store.list_grants(conn, states=LIVE, requester=person, limit=PAGE)
    over, after = 0, None
    while page := store.list_grants(conn, requester=person, after=after, limit=PAGE):
        over += sum(not grant.state.live for grant in page)
        after = store.position(page[-1])
    return Traces(person, over, store.count_words(conn, person), tuple(one.id for one in live))


def _require_over(conn: Connection, person: str) -> None:
    live = store.list_grants(conn, states=LIVE, requester=person, limit=1)
    if live:
        raise RefusalError(
            "live",
            f"{person} has access or waits for it: {live[0].id} ({live[0].resource}).",
            hint=f"End it first: curfew revoke --who {person} --reason '...'",
        )


def _erase_page(pen: Pen, *, person: str, actor: str, after: store.Position | None) -> _Page:
    _require_over(pen.conn, person)
    listed = store.list_grants(pen.conn, requester=person, after=after, limit=PAGE)
    rows = store.get_grants(pen.conn, [grant.id for grant in listed], lock=True)
    counts = store.erase_lines(pen.conn, list(rows))
    bare = {grant.id: forgotten(grant) for grant in rows.values()}
    changed = [one for one in bare.values() if one is not rows[one.id]]
    store.rewrite_grants(pen.conn, changed)
    touched = sorted({*counts, *(one.id for one in changed)})
    for grant_id in touched:
        data = {"lines": counts.get(grant_id, 0)}
        pen.note(Event(EventKind.TEXTS_ERASED, pen.now, actor, grant_id, data))
    rest = store.position(listed[-1]) if len(listed) == PAGE else None
    return _Page(len(touched), sum(counts.values()), rest)


def _erase_words(pen: Pen, *, person: str, actor: str, grants: int, lines: int) -> Traces:
    """What they wrote about the access of others, and the line that tells of it all."""
    _require_over(pen.conn, person)
    more = store.erase_words(pen.conn, person)
    done = Traces(person, grants, lines + more)
    if done.grants or done.lines:
        data = {"person": person, "grants": done.grants, "lines": done.lines}
        pen.note(Event(EventKind.PERSON_ERASED, pen.now, actor, data=data))
    return done
