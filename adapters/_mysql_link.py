"""The adapter's way to the server: few connections, kept open, each call bounded.

Work given to `Link.run` may be run twice, so it must be repeatable. The server lets a connection
keep the rights that it began with, so what a kept one may not is tried on a new one.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiomysql
from pymysql import err
from pymysql.constants import CLIENT, COMMAND

from adapters._mysql_dialect import Dialect, dialect_of
from adapters._turns import Turns
from adapters.base import AdapterError, RefusedError, UnreachableError

T = TypeVar("T")
Row = tuple[Any, ...]

GRACE = 0.5
"""Seconds that a statement gets to end after its caller left; the next call of its mark waits."""

GOODBYE = 0.5
"""Seconds spent on an orderly end of a connection."""

_QUIT = bytes([1, 0, 0, 0, COMMAND.COM_QUIT])

_LOST = frozenset({1053, 1927, 2006, 2013, 4031})
"""The server ended the connection, and may take another one."""

_REFUSED = {
    1044: "access to a database denied",
    1045: "wrong password",
    1049: "no such database",
    1064: "a statement that this version does not know",
    1129: "our host is blocked until FLUSH HOSTS",
    1130: "our host may not connect",
    1133: "no such account",
    1141: "no such grant",
    1142: "no right on a table",
    1143: "no right on a column",
    1146: "no such table",
    1227: "a global right is missing",
    1396: "no such account",
    1410: "a right cannot be given",
    1698: "no password",
    1959: "no such role",
    3118: "our account is locked",
    3159: "TLS is required",
    3523: "no such role",
    3530: "the role cannot be given",
    4006: "the account is the definer of something",
    4151: "our account is locked",
}
"""What only a human can change. Everything else may be healed by time."""


class Connection(aiomysql.Connection):  # type: ignore[misc] # aiomysql ships no types
    """A connection that never falls back to plain text and never waits for a silent server."""

    _reader: asyncio.StreamReader | None
    _writer: asyncio.StreamWriter | None
    dialect: Dialect
    ahead: float = 0.0
    """The server's clock in seconds since 1970, less our monotonic one."""
    admin: str = ""
    """Who we are to the server: name@host, as it found us in its books."""
    folds_names: bool = False
    """Names of databases and tables are kept in small letters."""
    takes_names_literally: bool = False
    """In GRANT too, where they are patterns elsewhere."""

    async def open(self) -> None:
        """Logged in afterwards; else nothing is left open."""
        try:
            await self._connect()
        except BaseException:
            self.close()
            raise
        self.dialect = dialect_of(self.server_version)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._writer = self._reader = None

    async def leave(self) -> None:
        """Says goodbye first, so that the server counts no broken connection."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is None:
            return
        try:
            writer.write(_QUIT)
            writer.transport.close()
            async with asyncio.timeout(GOODBYE):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            writer.transport.abort()

    async def results(self, *statements: str) -> list[Sequence[Row]]:
        """Runs statements in one round trip. The first that fails ends it.

        The rows of each; of one that has none, how many it changed, as a row.
        """
        await self.query(";\n".join(statements))
        sets = [self._rows()]
        while self._result.has_next:
            await self.next_result()
            sets.append(self._rows())
        return sets

    def _rows(self) -> Sequence[Row]:
        if self._result.description is None:
            return ((self._result.affected_rows,),)
        return tuple(self._result.rows)

    def server_time(self, moment: float) -> float:
        """The server's clock at a moment of our monotonic one, in seconds since 1970."""
        return moment + self.ahead

    def text(self, value: str) -> str:
        """A string as it stands in a statement, quoted by the driver."""
        return str(self.escape(value))

    async def _get_server_information(self) -> None:
        await super()._get_server_information()
        if self._ssl_context and not self.server_capabilities & CLIENT.SSL:
            # the driver would go on in plain text
            raise RefusedError("The server offers no TLS: set it up there, or say tls: off.")


class Link:
    """Up to `size` connections to one server as its admin, used last in first out."""

    def __init__(
        self, login: dict[str, Any], *, secure: bool, ca: str | None, size: int, call_limit: float
    ) -> None:
        """`login` is host, port, user, password; `call_limit` in seconds bounds statements too."""
        self._login = login
        self._secure, self._ca = secure, ca
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._call_limit = call_limit
        self._turns = Turns(grace=GRACE)

    async def run(
        self, work: Callable[[Connection], Awaitable[T]], *, mark: str | None = None
    ) -> T:
        """The work's result. What changes something names its `mark` and waits for its turn."""
        if mark is None:
            return await self._run(work)
        return await self._turns.run(lambda: self._run(work), mark=mark)

    async def aclose(self) -> None:
        """Waits for what was cut off, and closes what is kept."""
        await self._turns.aclose()
        while self._idle:
            await self._idle.pop().leave()

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._slots:
            if self._idle:
                try:
                    return await self._use(self._idle.pop(), work)
                except err.MySQLError as error:
                    if not _is_of_connection(error):
                        raise
                    self._forget()
            return await self._use(await self._open(), work)

    def _forget(self) -> None:
        """What cut one connection has cut the others, and what one may not, none of them may."""
        while self._idle:
            self._idle.pop().close()

    async def _use(self, connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            answer = await work(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    async def _open(self) -> Connection:
        connection = Connection(
            **self._login,
            charset="utf8mb4",
            autocommit=None,
            ssl=self._context() if self._secure else None,
            program_name="curfew",
        )
        await connection.open()
        try:
            longest, lock = self._call_limit * 0.8, max(1, int(self._call_limit * 0.4))
            sets = await connection.results(
                f"SET SESSION sql_mode = '', sql_notes = 0, time_zone = '+00:00', autocommit = 1,"
                f" lock_wait_timeout = {lock} /*M!100101 , max_statement_time = {longest:.1f} */",
                "SELECT UNIX_TIMESTAMP(SYSDATE(6)), @@lower_case_table_names, CURRENT_USER()",
                "SHOW VARIABLES LIKE 'partial_revokes'",
            )
        except BaseException:
            connection.close()
            raise
        connection.ahead = float(sets[1][0][0]) - time.monotonic()
        connection.folds_names = bool(sets[1][0][1])
        connection.admin = str(sets[1][0][2])
        connection.takes_names_literally = any(row[1] == "ON" for row in sets[2])
        return connection

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca)
        except OSError as error:
            raise RefusedError(f"The file {self._ca} cannot be read: {error.strerror}.") from error


def translated(error: err.MySQLError) -> AdapterError:
    """The server's answer in the words of the contract: who must act, time or a human."""
    code = error.args[0] if error.args else 0
    said = str(error.args[1]) if len(error.args) > 1 else str(error)
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RefusedError(f"The server's certificate is not accepted: {cause.verify_message}")
    if isinstance(cause, OSError) and str(cause):
        said = f"{said}: {cause}"
    return RefusedError(said) if code in _REFUSED else UnreachableError(said)


def _is_of_connection(error: err.MySQLError) -> bool:
    """A new connection may do better: it has the rights of today."""
    # the driver says "not connected" without a code
    return (
        isinstance(error, err.InterfaceError) or error.args[0] in _LOST or error.args[0] in _REFUSED
    )
