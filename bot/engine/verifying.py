"""Reading the whole log and telling the first line at which it is not what was written.

Pages of a few thousand lines, each a transaction of its own: no long snapshot, flat memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from bot.domain.chain import Fault
from bot.domain.proofreading import Proofreader
from bot.storage import store
from bot.storage.database import Database

PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What a walk through the log found. `head` is the hash of its last line."""

    lines: int
    head: str
    fault: Fault | None = None


async def prove(database: Database, *, progress: Callable[[int], None] | None = None) -> Proof:
    """Walk the log from its first line to its last. `progress` hears the number of lines so far."""
    reader = Proofreader()
    is_over = False
    while not is_over:
        fault, is_over = await database.read(partial(_read_page, reader=reader))
        if fault is not None:
            return Proof(reader.seq, reader.head, fault)
        if progress is not None:
            progress(reader.seq)
    return Proof(reader.seq, reader.head, reader.finish())


def _read_page(conn: Connection, *, reader: Proofreader) -> tuple[Fault | None, bool]:
    """The fault, and whether this was the last page: then the head row must agree, now."""
    page = store.lines_page(conn, reader.seq, PAGE)
    fault, is_over = reader.read(page), len(page) < PAGE
    if fault is None and is_over:
        fault = _not_the_end(store.head(conn), reader)
    return fault, is_over


def _not_the_end(head: store.Head, reader: Proofreader) -> Fault | None:
    if head == (reader.seq, reader.head):
        return None
    if head.seq == reader.seq:
        return Fault(head.seq, f"line {head.seq} is the last, and the head row has another hash")
    last = min(head.seq, reader.seq)
    what = f"the log ends with line {reader.seq}, and the head row says {head.seq}"
    return Fault(last + 1, what)
