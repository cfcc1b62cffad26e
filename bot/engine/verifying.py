"""Reading the whole log and telling the first line at which it is not what was written.

Pages of a few thousand lines, each a transaction of its own: no long snapshot, flat memory. A long
log is read by one process and checked by as many as there are processors.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

from sqlalchemy import Connection

from bot.domain.chain import GENESIS, Fault
from bot.domain.proofreading import Line, Proofreader, proofread
from bot.engine.helping import begin
from bot.storage import store
from bot.storage.database import Database

PAGE: Final = 5_000
LONG: Final = 100_000
"""Lines from which on it is worth the third of a second in which other processes begin."""

Part = tuple[Proofreader, Fault | None]
Reading = Callable[[int, str, Sequence[Line]], Awaitable[Part]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a walk through the log found. `head` is the hash of its last line."""

    lines: int
    head: str
    fault: Fault | None = None


async def prove(
    database: Database, *, progress: Callable[[int], None] | None = None, long: int = LONG
) -> Proof:
    """Walk the log from its first line to its last. `progress` hears the number of lines so far.

    From `long` lines on other processes help.
    """
    size = (await database.read(store.head)).seq
    hands = os.cpu_count() or 1
    with _hands(hands if size >= long else 1) as read:
        return await _walk(database, read, 2 * hands, progress)


async def _walk(
    database: Database, read: Reading, ahead: int, progress: Callable[[int], None] | None
) -> Proof:
    whole, parts = Proofreader(), deque[Awaitable[Part]]()
    seq, digest, end = 0, GENESIS, None
    while end is None or parts:
        if end is None:
            page, end = await database.read(partial(_page, after=seq))
            parts.append(asyncio.ensure_future(read(seq, digest, page)))
            if page:
                # As they stand there: whether they are true, the part before this one tells.
                seq, digest = page[-1][0], page[-1][2]
        if end is not None or len(parts) > ahead:
            part, fault = await parts.popleft()
            if fault is not None:
                return Proof(part.seq, part.head, fault)
            whole.follow(part)
            if progress is not None:
                progress(whole.seq)
    return Proof(whole.seq, whole.head, _not_the_end(end, whole) or whole.finish())


def _page(conn: Connection, after: int) -> tuple[Sequence[Line], store.Head | None]:
    """The next lines; with the last of them what the head row says, in the same moment."""
    lines = store.lines_page(conn, after, PAGE)
    return lines, store.head(conn) if len(lines) < PAGE else None


def _not_the_end(head: store.Head, reader: Proofreader) -> Fault | None:
    if head == (reader.seq, reader.head):
        return None
    if head.seq == reader.seq:
        return Fault(head.seq, f"line {head.seq} is the last, and the head row has another hash")
    last = min(head.seq, reader.seq)
    what = f"the log ends with line {reader.seq}, and the head row says {head.seq}"
    return Fault(last + 1, what)


@contextmanager
def _hands(count: int) -> Iterator[Reading]:
    """Who checks a part: we ourselves, or so many processes."""
    if count == 1:
        yield _here
        return
    # Not forked: there are threads here. They load what reads lines, and nothing of the database.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=begin)
    try:
        yield lambda *part: asyncio.wrap_future(pool.submit(proofread, *part))
    finally:
        pool.shutdown(cancel_futures=True)


async def _here(seq: int, head: str, lines: Sequence[Line]) -> Part:
    return proofread(seq, head, lines)
