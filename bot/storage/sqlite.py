"""SQLite: one thread that writes, a small pool that reads, one file, one bot.

Settings and their reasons stand in `docs/storage.md`.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, FromClause, create_engine, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection, StaticPool

from bot.domain.compact import compact
from bot.domain.errors import ProgramError
from bot.storage.backend import Backend
from bot.storage.clock import BEGUN, PLACE, Place
from bot.storage.errors import AwayError, StorageError
from bot.storage.files import LockFile
from bot.storage.writer import Writer, translated

T = TypeVar("T")

READERS: Final = 4
BUSY_TIMEOUT_MS: Final = 5000

_SETTINGS: Final = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",  # first: the others may have to wait
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=4000",  # a burst of ends would else copy pages at every commit
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
)


class _Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...
    def close(self) -> None: ...


class _Driver(Protocol):
    """sqlite3's connection, or SQLAlchemy's dress of aiosqlite's."""

    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


_FOR_WRITING: Final = (
    # Kilobytes. A batch of ends touches more pages than the default holds, and reads them again.
    "PRAGMA cache_size=-4000",
    # Else a row that moved to another page, or a notice that was told, leaves its text in the
    # file until the space is used again, where nothing that erases a person's words finds it.
    "PRAGMA secure_delete=ON",
)


class _Compiler(SQLiteCompiler):
    """SQLAlchemy leaves a table's hints out of what it writes for SQLite; ours are INDEXED BY."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        del table
        return text


def _prepare(engine: Engine, here: Place | None, begin: str, *settings: str) -> None:
    """Sets up each new connection, and has transactions begin with `begin`."""
    engine.dialect.statement_compiler = _Compiler

    @event.listens_for(engine, "connect")
    def on_connect(driver: _Driver, _record: object) -> None:
        # Python's sqlite3 must not put in BEGINs of its own, nor leave ours out before a SELECT.
        driver.isolation_level = None
        cursor = driver.cursor()
        for setting in settings:
            cursor.execute(setting)
        cursor.close()

    def do_begin(driver: PoolProxiedConnection) -> None:
        cursor = driver.cursor()
        cursor.execute(begin)
        cursor.close()
        if here is not None:
            driver.info[BEGUN] = here.clock.now()

    # Not by an event: with one, each statement asks whether anybody listens.
    engine.dialect.do_begin = do_begin  # type: ignore[method-assign, assignment] # its own


def writing_engine(path: Path, place: Place | None = None) -> Engine:
    """An engine of one connection whose transactions take the write lock at once.

    With a deferred BEGIN a read followed by a write could fail with SQLITE_BUSY_SNAPSHOT, for
    which `busy_timeout` does not wait.
    """
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        json_serializer=compact,
        hide_parameters=True,  # errors are logged, and rows hold what people wrote
        execution_options={PLACE: place},
    )
    _prepare(engine, place, "BEGIN IMMEDIATE", *_SETTINGS, *_FOR_WRITING)
    return engine


def _reading_engine(path: Path, place: Place) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=READERS,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        execution_options={PLACE: place},
    )
    _prepare(engine.sync_engine, place, "BEGIN", *_SETTINGS, "PRAGMA query_only=ON")
    return engine


class SqliteBackend(Backend):
    """An SQLite file. The lock, when given, is freed by `close`."""

    kind = "sqlite"

    def __init__(self, path: Path, place: Place, lock: LockFile) -> None:
        """The file exists and was checked; nothing is opened before the first use."""
        self._lock = lock
        self._writing = writing_engine(path, place)
        self._writer = Writer(self._writing)
        self._reading = _reading_engine(path, place)
        self._closed = False
        self._reads = 0
        self._unread = asyncio.Event()

    async def write(self, fn: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._writer.submit(fn))

    async def read(self, fn: Callable[[Connection], T]) -> T:
        if self._closed:
            raise AwayError("The database is closed.")
        self._reads += 1
        try:
            async with self._reading.connect() as conn:
                return await conn.run_sync(fn)
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY:
                raise ProgramError("a function given to `read` tried to write") from error
            told = translated(error)
            if isinstance(told, StorageError):
                raise told from error
            raise
        finally:
            self._reads -= 1
            if not self._reads:
                self._unread.set()

    async def peek(self, fn: Callable[[Connection], T]) -> T:
        # A reader's connection is reached through a thread hop for each of BEGIN, SELECT, ROLLBACK.
        return await self.write(fn)

    async def occupied(self) -> bool:
        return self._lock.taken_by_other()

    def on_hint(self, callback: Callable[[], None]) -> None:
        """Never called: there is one bot, and what others write is found by its next tick."""
        del callback

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._reads:
            # A connection that is still read from would be left open.
            self._unread.clear()
            await self._unread.wait()
        await self._reading.dispose()
        await asyncio.to_thread(self._end_writing)
        self._lock.free()

    def _end_writing(self) -> None:
        self._writer.close()
        # A kindness to the next start; another program's lock or a full disk may deny it.
        with suppress(DBAPIError), self._writing.begin() as conn:
            conn.exec_driver_sql("PRAGMA optimize")
        self._writing.dispose()
