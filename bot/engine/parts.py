"""A part of the log, read apart from the rest: by this process, or by one that helps."""

import asyncio
import gc
import signal
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection

from bot.domain.proofreading import Proofreader
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import StorageError

PAGE: Final = 5_000


class Part(NamedTuple):
    """The lines from behind `after` to `upto`."""

    after: int
    upto: int


async def read_part(database: Database, part: Part) -> Proofreader | None:
    """What was found in it, as if what is before it were true; None when all is not well."""
    reader = await database.read(partial(_reader, after=part.after))
    while reader is not None and reader.seq < part.upto:
        limit = min(PAGE, part.upto - reader.seq)
        lines = await database.read(partial(store.lines_page, after_seq=reader.seq, limit=limit))
        if not lines or reader.read(lines) is not None:
            return None
    return reader


def _reader(conn: Connection, after: int) -> Proofreader | None:
    if after == 0:
        return Proofreader()
    try:
        return Proofreader(after, bytes.fromhex(store.hashes_at(conn, [after])[after]))
    except (KeyError, ValueError):
        return None


class Helper:
    """What a process that helps keeps from part to part."""

    def __init__(self, url: str) -> None:
        """Opens the database of that URL."""
        self._runner = asyncio.Runner()
        self._database = self._runner.run(Database.open(url))

    def read(self, part: Part) -> Proofreader | None:
        return self._runner.run(read_part(self._database, part))


_here: list[Helper] = []
"""This process's own, when it was begun as one that helps."""


def begin(url: str) -> None:
    """What such a process does first. Ctrl-C is its parent's to hear, and pages make no cycles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    _here.append(Helper(url))


def read_there(part: Part) -> Proofreader | None:
    """As `read_part`, in such a process. A database that is away is its parent's to tell."""
    try:
        return _here[0].read(part)
    except StorageError:
        return None
