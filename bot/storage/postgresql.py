"""PostgreSQL: a pool of eight, whole transactions, told apart by what the caller does next.

- A serialization failure or deadlock, and a connection that was already dead, cost a repeat of the
  whole function; nothing had been written.
- A connection lost before COMMIT: `AwayError`. Lost during it: `OutcomeUnknownError`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from psycopg import Error as DriverError
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.compact import compact
from bot.domain.errors import ProgramError
from bot.storage.backend import Backend
from bot.storage.clock import PLACE, Place
from bot.storage.errors import AwayError, OutcomeUnknownError, StorageError, UnusableError
from bot.storage.presence import Presence

T = TypeVar("T")

POOL: Final = 8
ATTEMPTS: Final = 5
PAUSE_S: Final = 0.01
PATIENCE_S: Final = 1.5
"""No repeat after this long: a person may be waiting. Slack does for three seconds, and the last
repeat takes its time too."""
CONNECT_TIMEOUT_S: Final = 5
POOL_TIMEOUT_S: Final = 10

OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=30s -c lock_timeout=10s"
    " -c idle_in_transaction_session_timeout=60s"
    # For disks without heads. With the default a search would rather walk the log than an index.
    " -c random_page_cost=1.1"
)
NETWORK: Final[dict[str, str | int]] = {
    # A peer that vanished without a word is noticed within seconds, not hours.
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

_REPEATABLE: Final = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_HEALS: Final = frozenset({"55P03", "57014", "53300", "53200", "53100"})
"""Lock or statement took too long, no room, starting up."""
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "25P03", "57P05"})

_SAYINGS: Final = {
    "28P01": ("PostgreSQL refuses the password.", "Correct it in DATABASE_URL."),
    "28000": (
        "PostgreSQL refuses this login.",
        "Check the user name in DATABASE_URL and the server's pg_hba.conf.",
    ),
    "3D000": ("The database does not exist.", "Make it with `createdb`, or correct DATABASE_URL."),
    "42501": (
        "The database user lacks a right.",
        "Curfew's user must own its tables; grant it the schema, or use another user.",
    ),
}


def connect_arguments(url: URL) -> dict[str, str | int]:
    """What each connection is made with; the URL's own parameters win."""
    own = {**NETWORK, "application_name": "curfew"}
    given = url.query.get("options", "")
    own["options"] = " ".join([OPTIONS, given if isinstance(given, str) else " ".join(given)])
    return {key: value for key, value in own.items() if key == "options" or key not in url.query}


def _driver_error(error: BaseException | None) -> DriverError | None:
    return error if isinstance(error, DriverError) else None


def translated(error: DBAPIError) -> StorageError | DBAPIError:
    """PostgreSQL's failures as ours, before any COMMIT; a bug of ours stays itself."""
    cause = _driver_error(error.orig)
    state = cause.sqlstate if cause else None
    if state is None and cause and "authentication failed" in str(cause):
        state = "28P01"  # libpq hands a refused login over without its code
    if state is None and cause and "does not exist" in str(cause):
        state = "3D000"
    if state in _SAYINGS:
        message, hint = _SAYINGS[state]
        return UnusableError(message, hint=hint)
    if state in _HEALS:
        return AwayError("The database is too busy; nothing was written.", hint="Try again.")
    if state in _REPEATABLE or _is_lost(error):
        return AwayError(
            "The database does not answer; nothing was written.",
            hint="Check that PostgreSQL runs and can be reached under DATABASE_URL.",
        )
    return error


def _is_lost(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    cause = _driver_error(error.orig)
    if cause is None:
        return isinstance(error, InterfaceError)
    return cause.sqlstate in _LOST or (
        cause.sqlstate is None and isinstance(error, OperationalError)
    )


def _may_repeat(error: DBAPIError) -> bool:
    cause = _driver_error(error.orig)
    return (cause is not None and cause.sqlstate in _REPEATABLE) or _is_lost(error)


def _engine(url: URL, place: Place) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args=connect_arguments(url),
        json_serializer=compact,
        hide_parameters=True,  # errors are logged, and rows hold what people wrote
        execution_options={PLACE: place},
    )


class PostgresBackend(Backend):
    """A PostgreSQL database. `present` when this process takes leases (see `Presence`)."""

    kind = "postgresql"

    def __init__(self, url: URL, place: Place, *, present: bool) -> None:
        """Nothing is connected yet."""
        self._engine = _engine(url, place)
        self._peeking = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._present = present
        self._presence = Presence(url, connect_arguments(url), place.replica)

    async def start(self) -> None:
        """Makes our presence known, where we are to be present."""
        if self._present:
            await self._presence.start()

    async def write(self, fn: Callable[[Connection], T]) -> T:
        try:
            return await self._repeat(partial(self._transact, fn, {}))
        except DBAPIError as error:
            if isinstance(error.orig, ReadOnlySqlTransaction):
                raise AwayError(
                    "The database takes no writes; nothing was written.",
                    hint="Is it a standby? DATABASE_URL must lead to the primary.",
                ) from error
            raise

    async def read(self, fn: Callable[[Connection], T]) -> T:
        # The driver puts both into its BEGIN: no round trip of their own.
        view = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            return await self._repeat(partial(self._transact, fn, view))
        except DBAPIError as error:
            if isinstance(error.orig, ReadOnlySqlTransaction):
                raise ProgramError("a function given to `read` tried to write") from error
            raise

    async def peek(self, fn: Callable[[Connection], T]) -> T:
        return await self._repeat(partial(self._without_transaction, fn))

    async def _repeat(self, attempted: Callable[[], Awaitable[T]]) -> T:
        patience = time.monotonic() + PATIENCE_S
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await attempted()
            except DBAPIError as error:
                last = attempt == ATTEMPTS or time.monotonic() > patience
                if last or not _may_repeat(error):
                    raise translated(error) from error
            except PoolTimeoutError as error:
                raise AwayError("All connections to the database are in use.") from error
            # Jitter, so that two that collided do not meet again.
            await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE_S * 2**attempt)  # noqa: S311 - no secret
        raise ProgramError("a loop that returns or raises has ended")

    async def _transact(self, fn: Callable[[Connection], T], options: Mapping[str, object]) -> T:
        async with self._engine.connect() as conn:
            if options:
                await conn.execution_options(**options)
            async with conn.begin() as transaction:
                result = await conn.run_sync(fn)
                try:
                    await transaction.commit()
                except DBAPIError as error:
                    if _is_lost(error) and not options:  # what only read is read again
                        raise OutcomeUnknownError(
                            "The connection broke while the database was committing."
                        ) from error
                    raise
            return result

    async def _without_transaction(self, fn: Callable[[Connection], T]) -> T:
        async with self._peeking.connect() as conn:
            return await conn.run_sync(fn)

    async def occupied(self) -> bool:
        return bool(await self.read(self._presence.others))

    def on_hint(self, callback: Callable[[], None]) -> None:
        self._presence.on_hint(callback)

    async def close(self) -> None:
        await self._presence.close()
        await self._engine.dispose()
