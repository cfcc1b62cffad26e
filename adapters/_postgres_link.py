"""The adapter's way to the server: few connections, kept open, each call bounded.

Why not psycopg_pool: it retries a failed login in the background and tells the caller only that
no connection came in time. Here the reason is the point: a wrong password alarms at once.

Work given to `Link.run` may be run twice, so it must be repeatable.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection, conninfo, errors, sql, waiting
from psycopg.abc import PQGen

from adapters.base import AdapterError, RefusedError, UnreachableError

T = TypeVar("T")
Row = tuple[Any, ...]

CANCEL_LIMIT = 0.5
"""Seconds spent on asking the server to drop a statement that nobody waits for any more."""

_DEFAULTS = {
    "application_name": "curfew",
    "connect_timeout": "4",
    "keepalives_idle": "30",
    "tcp_user_timeout": "5000",  # a peer that vanished is noticed within a call
}

# What libpq says of a refused login has no code, only words of the server.
_REFUSED_LOGIN = (
    "password authentication failed",
    "authentication failed for user",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "permission denied for database",
    "no password supplied",
    "does not exist",
    "is not currently accepting connections",
    "certificate verify failed",
    "server does not support SSL",
)

_REFUSED = (
    errors.InsufficientPrivilege,
    errors.InvalidAuthorizationSpecification,
    errors.InvalidPassword,
    errors.InvalidCatalogName,
    errors.UndefinedObject,
    errors.InvalidGrantOperation,
    errors.DependentObjectsStillExist,
    errors.FeatureNotSupported,
    errors.ReservedName,
    errors.ObjectNotInPrerequisiteState,
)


class Connection(AsyncConnection[Row]):
    """A connection that never makes a cancelled caller wait for a silent server."""

    ahead: float = 0.0
    """The server's clock in seconds since 1970, less our monotonic one."""

    async def wait(
        self,
        gen: PQGen[T],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - the overridden method's
    ) -> T:
        """As psycopg's, which spends up to ten seconds on an orderly end when cancelled."""
        try:
            return await waiting.wait_async(
                gen, self.pgconn.socket, interval=interval, timeout=timeout
            )
        except asyncio.CancelledError:
            # where it is as silent to this as to the statement, closing the socket has to do
            with contextlib.suppress(psycopg.Error):
                await self.cancel_safe(timeout=CANCEL_LIMIT)
            raise

    def server_time(self, after: float) -> float:
        """The server's clock `after` seconds from now, in seconds since 1970."""
        return time.monotonic() + self.ahead + after

    @property
    def is_superuser(self) -> bool:
        return self.info.parameter_status("is_superuser") == "on"

    @property
    def has_grant_options(self) -> bool:
        """From 16 on a membership has INHERIT and SET options, and CREATEROLE its limits."""
        return self.info.server_version >= 160000  # noqa: PLR2004 - libpq's form of 16


class Link:
    """Up to `size` connections to one server as its admin, used last in first out."""

    def __init__(self, dsn: str, *, size: int, call_limit: float) -> None:
        """`dsn` is the admin's; `call_limit` in seconds bounds each statement too."""
        self._dsn = dsn
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._statement_limit = max(0.2, call_limit * 0.8)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The work's result, on the admin database.

        A kept connection that turns out to be dead is replaced once. Raises the errors of the
        contract for what the server says.
        """
        async with self._slots:
            connection = self._take()
            if connection is not None:
                try:
                    return await self._use(connection, work)
                except psycopg.OperationalError:
                    if not connection.closed:
                        raise
                    await self._drop_idle()  # what cut one has cut the others
            return await self._use(await self._open(), work)

    async def run_in(self, database: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The same in another database of the server, on a connection of its own."""
        connection = await self._open(dbname=database)
        try:
            return await work(connection)
        finally:
            await connection.close()

    async def aclose(self) -> None:
        """Closes what is idle; what is in use is closed when it comes back broken or at exit."""
        await self._drop_idle()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None

    async def _use(self, connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await work(connection)
        finally:
            clean = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            if not connection.closed and clean:
                self._idle.append(connection)
            else:
                await connection.close()

    async def _drop_idle(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _open(self, **overrides: str) -> Connection:
        params = {**_DEFAULTS, **conninfo.conninfo_to_dict(self._dsn), **overrides}
        text = conninfo.make_conninfo("", **params)
        connection = await Connection.connect(text, autocommit=True, prepare_threshold=None)
        try:
            limit = sql.Literal(f"{int(self._statement_limit * 1000)}ms")
            lock = sql.Literal(f"{int(self._statement_limit * 400)}ms")
            # Nothing that people made in a database may stand in for what we call by name.
            sets = await results(
                connection,
                "SET search_path = pg_catalog; SET statement_timeout = {limit};"
                " SET lock_timeout = {lock}; SELECT extract(epoch FROM clock_timestamp())::float8",
                limit=limit,
                lock=lock,
            )
        except BaseException:
            await connection.close()
            raise
        connection.ahead = float(sets[-1][0][0]) - time.monotonic()
        return connection


async def results(
    connection: Connection, statements: LiteralString, **parts: sql.Composable
) -> list[list[Row]]:
    """Runs statements, split by semicolons, in one round trip and one transaction.

    Returns the rows of each, an empty list where it has none. Values are `sql.Literal`: several
    statements at once take no parameters apart from the text.
    """
    cursor = await connection.execute(sql.SQL(statements).format(**parts))
    sets: list[list[Row]] = []
    while True:
        sets.append(await cursor.fetchall() if cursor.description else [])
        if not cursor.nextset():
            return sets


def translated(error: psycopg.Error) -> AdapterError:
    """The server's answer in the words of the contract: who must act, time or a human."""
    said = error.diag.message_primary or str(error).strip() or type(error).__name__
    if detail := error.diag.message_detail:
        said = f"{said} ({detail})"
    if isinstance(error, _REFUSED):
        return RefusedError(said)
    if error.sqlstate is None and any(sign in said for sign in _REFUSED_LOGIN):
        return RefusedError(said)
    return UnreachableError(said)
