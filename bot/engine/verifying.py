"""Reading the whole log and telling the first line at which it is not what was written.

Pages of a few thousand lines, each a transaction of its own: no long snapshot, flat memory. Of a
long log, other processes read parts meanwhile. What they say only counts as long as all is well:
from the first part on in which something is not, the log is read line by line, which tells it.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

from sqlalchemy import Connection

from bot.domain.chain import Fault
from bot.domain.proofreading import Line, Proofreader
from bot.engine.parts import PAGE, Part, begin, read_part, read_there
from bot.storage import store
from bot.storage.database import Database

LONG: Final = 200_000
"""Lines from which on it is worth the second in which other processes begin."""
PART: Final = 10 * PAGE
HANDS: Final = 4
"""Processes at most, whatever there is of processors: each takes some 70 MB."""

Progress = Callable[[int], None]
Reading = Callable[[Part], Awaitable[Proofreader | None]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a walk through the log found. `head` is the hash of its last line."""

    lines: int
    head: str
    fault: Fault | None = None


async def prove(
    database: Database,
    *,
    progress: Progress = lambda _lines: None,
    long: int = LONG,
    part: int = PART,
) -> Proof:
    """Walk the log from its first line to its last. `progress` hears the number of lines so far.

    From `long` lines on other processes help, each with `part` lines at a time.
    """
    size = (await database.read(store.head)).seq
    whole = Proofreader()
    if size >= long and (hands := min(os.cpu_count() or 1, HANDS)) > 1:
        parts = [Part(begun, min(begun + part, size)) for begun in range(0, size, part)]
        with _helpers(database, hands - 1) as readings:
            await _take_on(whole, parts, readings, progress)
    return await _walk(database, whole, progress)


async def _walk(database: Database, whole: Proofreader, progress: Progress) -> Proof:
    """What is behind `whole`, to the end."""
    end = None
    while end is None:
        page, end = await database.read(partial(_page, after=whole.seq))
        fault = whole.read(page)
        progress(whole.seq)
        if fault is not None:
            return Proof(whole.seq, whole.head, fault)
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


async def _take_on(
    whole: Proofreader, parts: list[Part], readings: Sequence[Reading], progress: Progress
) -> None:
    """Read parts, each by whoever is free, and take them on in order as long as all is well."""
    found: list[asyncio.Future[Proofreader | None]] = [asyncio.Future() for _ in parts]
    waiting = deque(zip(parts, found, strict=True))

    async def work(reading: Reading) -> None:
        while waiting:
            part, result = waiting.popleft()
            try:
                result.set_result(await reading(part))
            except Exception as error:  # noqa: BLE001 - it is raised below, in its turn
                result.set_exception(error)

    workers = [asyncio.create_task(work(reading)) for reading in readings]
    try:
        for result in found:
            read = await result
            if read is None or not whole.follow(read):
                return
            progress(whole.seq)
    finally:
        waiting.clear()
        await asyncio.gather(*workers)


@contextmanager
def _helpers(database: Database, count: int) -> Iterator[Sequence[Reading]]:
    """Who reads a part: we ourselves, and so many processes, each with its next at hand."""
    url = database.url.render_as_string(hide_password=False)
    # Not forked: there are threads here.
    spawn = get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=begin, initargs=(url,))

    async def there(part: Part) -> Proofreader | None:
        try:
            return await asyncio.wrap_future(pool.submit(read_there, part))
        except BrokenExecutor:
            return None  # it was help, and the log is read without it

    try:
        yield [partial(read_part, database), *[there] * (2 * count)]
    finally:
        pool.shutdown(cancel_futures=True)
