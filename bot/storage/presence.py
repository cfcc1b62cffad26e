"""One connection that says "I live" and listens for "there is work".

It holds an advisory lock named after this replica: the server frees it when the connection ends,
however the process died, so others know that its leases are nobody's. If only the connection
died, others may free our leases early; tokens make that harmless. Session locks and LISTEN do not
pass a transaction-pooling proxy: DATABASE_URL must lead to the server itself.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Connection, bindparam, func, text
from sqlalchemy.engine import URL

from bot.storage.errors import AwayError

CHANNEL: Final = "curfew"
HINT: Final = func.pg_notify(CHANNEL, bindparam("teller"))
"""Heard by other processes when the transaction commits."""
LOCK_CLASS: Final = 0x43757266
"""The first half of all our advisory locks: "Curf"."""
UPGRADE_LOCK: Final = 0
START_TIMEOUT_S: Final = 10
RECONNECT_S: Final = 0.5
RECONNECT_MOST_S: Final = 5.0

_HELD: Final = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    " AND granted AND classid::bigint = :lock_class AND objid::bigint <> :upgrade"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def lock_key(replica: str) -> int:
    """The second half of a replica's lock: 32 bits of its name, never the one of upgrades."""
    return zlib.crc32(replica.encode()) or 1


def living(conn: Connection) -> frozenset[int]:
    """The keys of all replicas that hold their lock at this moment."""
    rows = conn.execute(_HELD, {"lock_class": LOCK_CLASS, "upgrade": UPGRADE_LOCK})
    return frozenset(rows.scalars())


def _signed(key: int) -> int:
    """The same 32 bits as PostgreSQL's signed integer."""
    return key - (1 << 32) if key >= 1 << 31 else key


class Presence:
    """The connection, made again whenever it is lost."""

    def __init__(self, url: URL, arguments: Mapping[str, object], replica: str) -> None:
        """Nothing is connected before `start`."""
        names = url.translate_connect_args(username="user", database="dbname")
        self._arguments: dict[str, object] = {**names, **url.query, **arguments}
        self._replica = replica
        self._key = lock_key(replica)
        self._callbacks: list[Callable[[], None]] = []
        self._there = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_hint(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def others(self, conn: Connection) -> frozenset[int]:
        """The keys of the other replicas that live."""
        return living(conn) - {self._key}

    async def start(self) -> None:
        """Returns when the lock is held. AwayError when that does not come about in 10 s."""
        self._task = asyncio.create_task(self._attend(), name="curfew-presence")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._there.wait()
        except TimeoutError:
            await self.close()
            raise AwayError(
                "The database does not let this replica take its lock.",
                hint="Is there a pooling proxy in between? DATABASE_URL must lead to the server.",
            ) from None

    async def close(self) -> None:
        """Frees the lock. May be repeated."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _attend(self) -> None:
        pause = RECONNECT_S
        while True:
            # Whatever ended the connection, the answer is another one; polling does the work
            # meanwhile, and the health check asks the pool, not us.
            with suppress(psycopg.Error, OSError):
                await self._stay()
            if self._there.is_set():
                pause = RECONNECT_S
                self._there.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, RECONNECT_MOST_S)

    async def _stay(self) -> None:
        """Listens until the connection ends."""
        async with await psycopg.AsyncConnection.connect(
            autocommit=True, **cast("dict[str, Any]", self._arguments)
        ) as conn:
            await conn.execute(f"LISTEN {CHANNEL}")
            await conn.execute("SELECT pg_advisory_lock(%s, %s)", (LOCK_CLASS, _signed(self._key)))
            self._there.set()
            self._tell()  # a word may have been missed while we were away
            async for told in conn.notifies():
                if told.payload != self._replica:  # we know what we did ourselves
                    self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()
