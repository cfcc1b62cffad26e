"""Forgetting what people wrote: in the lines of the log, and in the rows that keep a copy.

These are grants, and notices that were not told yet.
The triggers of the log let nothing else of a line be changed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    select,
    update,
)

from bot.domain.grant import Grant
from bot.storage.rows import grant_to_row
from bot.storage.tables import events, grants, notices

ERASABLE: Final = ("reason", "order", "extension", "last_error", "version")
WORDS: Final = ("reason", "error")
"""Where words stand in a notice: a person's, and a provider's, which may hold a name."""


def requesters_called(conn: Connection, email: str) -> list[str]:
    """The user ids under which somebody with that address has asked. Reads every grant."""
    address = grants.c.order["person"]["email"].as_string()
    query = select(grants.c.requester).where(func.lower(address) == email.casefold()).distinct()
    return sorted(conn.execute(query).scalars())


def count_words(conn: Connection, person: str) -> int:
    """How many lines hold something that this person wrote."""
    query = select(func.count()).select_from(events)
    return conn.execute(query.where(_words_of(person))).scalar_one()


def erase_words(conn: Connection, person: str) -> int:
    """Forgets what this person wrote, wherever it stands in the log. How many lines."""
    about = select(events.c.grant_id).where(_words_of(person), events.c.grant_id.is_not(None))
    _hush(conn, conn.execute(about.distinct()).scalars().all())
    return conn.execute(update(events).where(_words_of(person)).values(texts=None)).rowcount


def erase_lines(conn: Connection, grant_ids: Sequence[str]) -> dict[str, int]:
    """Forgets what anybody wrote in the lines of these grants. How many lines, by grant."""
    about = events.c.grant_id.in_(grant_ids), events.c.texts.is_not(None)
    found = select(events.c.grant_id, func.count()).where(*about).group_by(events.c.grant_id)
    counts: dict[str, int] = dict(conn.execute(found).all())
    conn.execute(update(events).where(*about).values(texts=None))
    _hush(conn, grant_ids)
    return counts


def _hush(conn: Connection, grant_ids: Sequence[str]) -> None:
    """What waits to be told about these grants is told without anybody's words."""
    waiting = select(notices.c.id, notices.c.data).where(notices.c.grant_id.in_(grant_ids))
    for number, data in conn.execute(waiting).all():
        bare = {name: value for name, value in data.items() if name not in WORDS}
        if bare != data:
            conn.execute(update(notices).where(notices.c.id == number).values(data=bare))


def rewrite_grants(conn: Connection, forgotten: Iterable[Grant]) -> None:
    """Writes rows, locked by this transaction, over what they say of people."""
    rows = [
        {"known": values["id"], **{f"new_{name}": values[name] for name in ERASABLE}}
        for values in map(grant_to_row, forgotten)
    ]
    if rows:
        fresh: dict[str, BindParameter[object]] = {
            name: bindparam(f"new_{name}") for name in ERASABLE
        }
        conn.execute(update(grants).where(grants.c.id == bindparam("known")).values(fresh), rows)


def _words_of(person: str) -> ColumnElement[bool]:
    return and_(events.c.actor == person, events.c.texts.is_not(None))
