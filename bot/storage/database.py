"""The one door to the database. A transaction is a plain function over a Core `Connection`.

Rules:

- `write(fn)` returns when the transaction is on disk; `fn` may be run again from the start (after
  a deadlock, say), so it touches nothing but its connection.
- `read(fn)` sees one consistent state and cannot write.
- No call to the outside from within `fn`.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from sqlalchemy import Connection, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.storage import files, keeping, schema
from bot.storage.backend import Backend, Kind
from bot.storage.clock import Clock, Place
from bot.storage.errors import UnusableError
from bot.storage.postgresql import PostgresBackend
from bot.storage.sqlite import SqliteBackend

T = TypeVar("T")

FORMS: Final = "sqlite+aiosqlite:///curfew.db or postgresql+psycopg://user@host/database"


def parse_url(url: str) -> URL:
    """DATABASE_URL with the driver that Curfew uses; UnusableError for any other database."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnusableError(
            "DATABASE_URL is not a database URL.", hint=f"It looks like {FORMS}."
        ) from None
    if parsed.drivername in {"sqlite", "sqlite+aiosqlite"}:
        if not parsed.database or parsed.database == ":memory:" or parsed.query:
            raise UnusableError(
                "Curfew keeps its data in a file: DATABASE_URL must be a plain path.",
                hint=f"It looks like {FORMS}.",
            )
        return parsed.set(drivername="sqlite+aiosqlite")
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise UnusableError(
        f"Curfew knows SQLite and PostgreSQL, not {parsed.drivername!r}.",
        hint=f"DATABASE_URL looks like {FORMS}.",
    )


def new_replica() -> str:
    """A name for this process as owner of leases; never used twice."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


class Database:
    """An open database. Made by `open`, ended by `close` or by leaving `async with`."""

    def __init__(self, url: URL, backend: Backend, place: Place) -> None:
        """`open` is the way in; this only puts the parts together."""
        self.url: Final = url
        self._backend = backend
        self._place = place

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        exclusive: bool = False,
        migrate: bool = False,
        clock: Clock | None = None,
        replica: str | None = None,
    ) -> Self:
        """Opens a database and checks that its tables are the ones that we know.

        `exclusive` is for who takes leases (`run`, or `revoke` without a running bot): on SQLite
        it holds the lock file, on PostgreSQL the replica's lock. `migrate` brings the tables up to
        date first. Raises UnusableError (with a hint), OccupiedError, SchemaError or AwayError.
        """
        parsed = parse_url(url)
        place = Place(clock or Clock(), replica or new_replica(), sole=exclusive)
        if parsed.get_backend_name() == "sqlite":
            return await cls._open_sqlite(parsed, place, exclusive=exclusive, migrate=migrate)
        return await cls._open_postgresql(parsed, place, exclusive=exclusive, migrate=migrate)

    @classmethod
    async def _open_sqlite(cls, url: URL, place: Place, *, exclusive: bool, migrate: bool) -> Self:
        path = Path(url.database or "")
        files.check(path, create=migrate)
        lock = files.LockFile(path)
        if exclusive:
            lock.take()
        backend: Backend | None = None
        try:
            if migrate:
                await asyncio.to_thread(schema.upgrade, url)
            backend = SqliteBackend(path, place, lock)
            await backend.read(schema.require_current)
        except BaseException:
            if backend is not None:
                await backend.close()
            lock.free()
            raise
        return cls(url, backend, place)

    @classmethod
    async def _open_postgresql(
        cls, url: URL, place: Place, *, exclusive: bool, migrate: bool
    ) -> Self:
        if migrate:
            await asyncio.to_thread(schema.upgrade, url)
        backend = PostgresBackend(url, place, present=exclusive)
        try:
            await backend.read(schema.require_current)
            await backend.start()
        except BaseException:
            await backend.close()
            raise
        return cls(url, backend, place)

    @property
    def kind(self) -> Kind:
        return self._backend.kind

    @property
    def clock(self) -> Clock:
        """The process's clock. Its offset moves PostgreSQL's time as well."""
        return self._place.clock

    @property
    def replica(self) -> str:
        """Our name as owner of leases."""
        return self._place.replica

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn` as one transaction.

        Raises what `fn` raised; AwayError when nothing was written and time may heal it;
        OutcomeUnknownError when it may have been: look it up by id before doing it again.
        """
        return await self._backend.write(fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn` on one consistent state. AwayError when the database does not answer."""
        return await self._backend.read(fn)

    async def peek(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn`, which makes one statement, and one that reads. The errors of `read`.

        For what is asked often: no transaction is begun for it where that costs round trips.
        """
        return await self._backend.peek(fn)

    async def ping(self) -> None:
        """Returns when the database answers; AwayError or UnusableError when not."""
        await self._backend.read(_answer)

    async def try_writing(self) -> None:
        """Returns when something was written, and taken away again; the errors of `write`."""
        await self._backend.write(keeping.scribble)

    async def occupied(self) -> bool:
        """Another process works on this database now: a running bot."""
        return await self._backend.occupied()

    def on_hint(self, callback: Callable[[], None]) -> None:
        """Calls back on the event loop after another process called `store.hint`.

        A hint only: it may come late, for nothing or not at all. On SQLite it never comes, and on
        PostgreSQL only when opened `exclusive`.
        """
        self._backend.on_hint(callback)

    async def close(self) -> None:
        """Finishes what is queued, then frees the lock. May be repeated."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _answer(conn: Connection) -> None:
    conn.execute(select(text("1")))
