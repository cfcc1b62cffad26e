"""The audit log as lines of JSON, for a SIEM to read and for an auditor to check.

The first line says where the export begins; then events and, after the line that each signs,
checkpoints. `body` is the exact text that was hashed; `event` is the same as an object.
`docs/audit-format.md` is the reference.
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from bot.domain.chain import GENESIS
from bot.domain.checkpoint import Statement
from bot.domain.record import SealedEvent
from bot.storage import store
from bot.storage.database import Database

PAGE: Final = 2_000
VERSION: Final = 1


async def export_lines(database: Database, *, since: datetime | None = None) -> AsyncIterator[str]:
    """Every line of the log from `since` on, without line ends, up to the last one of now."""
    after, previous, last, signed = await database.read(partial(_bounds, since=since))
    yield _line(type="export", version=VERSION, after=after, previous=previous)
    waiting = sorted((one for one in signed if one.size > after), key=lambda one: one.size)
    while after < last:
        limit = min(PAGE, last - after)
        page = await database.read(partial(store.events_page, after_seq=after, limit=limit))
        if not page:
            return
        for event in page:
            yield _event_line(event)
            while waiting and waiting[0].size == event.seq:
                yield _checkpoint_line(waiting.pop(0))
        after = page[-1].seq


def _bounds(
    conn: Connection, since: datetime | None
) -> tuple[int, str, int, list[store.Checkpoint]]:
    """Behind which line to begin, its hash, the last line, and the checkpoints of that moment.

    A line that tells of a checkpoint must not come without it, so all of it is one look.
    """
    signed = store.list_checkpoints(conn, limit=1_000_000)
    after, previous = _start(conn, since)
    return after, previous, store.head(conn).seq, signed


def _start(conn: Connection, since: datetime | None) -> tuple[int, str]:
    """The number and hash of the last line before `since`."""
    if since is None:
        return 0, GENESIS
    first = store.first_event_since(conn, since)
    last = store.head(conn).seq if first is None else first - 1
    before = store.get_event(conn, last)
    return (0, GENESIS) if before is None else (before.seq, before.hash)


def _event_line(event: SealedEvent) -> str:
    return _line(
        type="event",
        seq=event.seq,
        hash=event.hash,
        event=json.loads(event.body),
        body=event.body,
        texts={name: dict(entry) for name, entry in event.texts.items()},
    )


def _checkpoint_line(kept: store.Checkpoint) -> str:
    statement = Statement(kept.size, kept.head, kept.at, kept.previous, kept.key_id)
    return _line(type="checkpoint", statement=statement.text(), signature=kept.signature)


def _line(**fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
