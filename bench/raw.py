"""The rows of a life, written by the bare driver: what `lives` is compared with."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import psycopg
from sqlalchemy.engine import make_url

from bench.scene import asking
from bot.domain.acts import Confirm, End, Revoke, Role, Vote
from bot.domain.chain import seal
from bot.domain.compact import compact
from bot.domain.grant import Grant, altered
from bot.domain.machine import open_grant, step
from bot.domain.record import Event, Notice
from bot.engine.ledger import told_of
from bot.storage.rows import changed_columns, column_values, grant_to_row
from bot.storage.types import to_microseconds, to_seconds

EVENT = ("seq", "at", "kind", "actor", "grant_id", "person", "resource", "body", "hash", "texts")
NOTICE = ("lane", "kind", "grant_id", "data", "created_at", "next_at", "attempts", "unsure")


@dataclass(frozen=True)
class Change:
    """One transaction: a statement for the grant with its values, events, notices."""

    sql: str
    values: tuple[object, ...]
    events: tuple[Event, ...]
    notices: tuple[Notice, ...]
    person: str
    resource: str


def written_by_a_life(number: int, on: str) -> list[Change]:
    """What the seven transactions write."""
    now = datetime.now(UTC)
    made = open_grant(asking(f"U{number:07}", now + timedelta(hours=1)), now)
    grant = made.grant
    row = {name: plain(value, on) for name, value in grant_to_row(grant).items()}
    names = ", ".join(f'"{name}"' for name in row)
    sql = f"INSERT INTO grants ({names}) VALUES ({_marks(on, len(row))})"
    life = [Change(sql, tuple(row.values()), made.events, made.notices, grant.requester, "lab")]
    for act in (
        Vote(actor="U0MAYA", role=Role.APPROVER),
        None,
        Confirm(actor="worker", role=Role.WORKER, native_end=None),
        Revoke(actor="U0MAYA", role=Role.APPROVER, reason="done"),
        None,
        End(actor="worker", role=Role.WORKER),
    ):
        before = grant
        if act is None:
            grant = altered(grant, lease_owner="raw", lease_token="token", next_at=now)
            life.append(_update(before, grant, (), (), on))
        else:
            made = step(grant, act, now)
            grant = made.grant
            life.append(_update(before, grant, made.events, made.notices, on))
    return life


def _update(
    before: Grant, after: Grant, events: tuple[Event, ...], notices: tuple[Notice, ...], on: str
) -> Change:
    names = changed_columns(before, after)
    mark = _marks(on, 1)
    sets = ", ".join(f'"{name}" = {mark}' for name in names)
    sql = f"UPDATE grants SET {sets} WHERE id = {mark} AND version = {mark}"
    values = [plain(value, on) for value in column_values(after, names)]
    ids = (after.id, before.version)
    return Change(sql, (*values, *ids), events, notices, after.requester, after.resource)


def _marks(on: str, count: int) -> str:
    return ", ".join(["?" if on == "sqlite" else "%s"] * count)


def plain(value: object, on: str) -> object:
    if isinstance(value, datetime):
        return to_microseconds(value) if on == "sqlite" else value
    if isinstance(value, timedelta):
        return to_seconds(value)
    return compact(value) if isinstance(value, dict | list | tuple) else value


def _rows(change: Change, last: int, digest: str, on: str) -> tuple[list[object], list[object]]:
    """The events and notices of a change, sealed behind the head."""
    now = plain(datetime.now(UTC), on)
    events: list[object] = []
    notices = list(change.notices)
    for seq, event in enumerate(change.events, start=last + 1):
        line = seal(digest, seq, event)
        digest = line.hash
        notices += told_of(line)
        about = (change.person, change.resource, line.body, line.hash)
        texts = compact(dict(line.texts)) if line.texts else None
        who = (line.actor, line.grant_id)
        events.append((seq, plain(line.at, on), line.kind.value, *who, *about, texts))
    told = [
        (n.lane, n.kind.value, n.grant_id, compact(dict(n.data)), now, now, 0, False)
        for n in notices
    ]
    return events, list(told)


def _inserts(on: str) -> tuple[str, str]:
    return (
        f"INSERT INTO events ({', '.join(EVENT)}) VALUES ({_marks(on, len(EVENT))})",
        f"INSERT INTO notices ({', '.join(NOTICE)}) VALUES ({_marks(on, len(NOTICE))})",
    )


class RawSqlite:
    """sqlite3 in one thread, a hop a transaction, synchronous=FULL."""

    def __init__(self, url: str, at_once: int) -> None:
        del at_once
        self._path = make_url(url).database or ""
        self._thread = ThreadPoolExecutor(1)

    async def __aenter__(self) -> Self:
        await self._hop(self._open)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._hop(self._conn.close)
        self._thread.shutdown()

    def _open(self) -> None:
        self._conn = sqlite3.connect(self._path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._conn.execute(f"PRAGMA {pragma}")

    async def _hop(self, work: object, *words: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *words)  # type: ignore[arg-type] # any callable

    async def live(self, life: Sequence[Change]) -> None:
        for change in life:
            await self._hop(self._write, change)

    def _write(self, change: Change) -> None:
        conn = self._conn
        conn.execute("BEGIN IMMEDIATE")
        conn.execute(change.sql, change.values)
        last, digest = conn.execute("SELECT seq, hash FROM chain_head").fetchone()
        events, notices = _rows(change, last, digest, "sqlite")
        insert_event, insert_notice = _inserts("sqlite")
        if events:
            conn.executemany(insert_event, events)
            head = (events[-1][0], events[-1][8])  # type: ignore[index] # rows are tuples
            conn.execute("UPDATE chain_head SET seq = ?, hash = ?", head)
        if notices:
            conn.executemany(insert_notice, notices)
        conn.execute("COMMIT")


class RawPostgres:
    """psycopg, a connection for each life at once."""

    def __init__(self, url: str, at_once: int) -> None:
        self._url = url.replace("+psycopg", "")
        self._at_once = at_once
        self._free: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        for _ in range(self._at_once):
            self._free.put_nowait(await psycopg.AsyncConnection.connect(self._url))
        return self

    async def __aexit__(self, *error: object) -> None:
        while not self._free.empty():
            await self._free.get_nowait().close()

    async def live(self, life: Sequence[Change]) -> None:
        conn = await self._free.get()
        try:
            for change in life:
                async with conn.transaction():
                    await self._write(conn, change)
        finally:
            self._free.put_nowait(conn)

    @staticmethod
    async def _write(conn: psycopg.AsyncConnection, change: Change) -> None:
        await conn.execute(change.sql, change.values)
        if not change.events and not change.notices:
            return
        found = await (await conn.execute("SELECT seq, hash FROM chain_head FOR UPDATE")).fetchone()
        assert found is not None
        events, notices = _rows(change, found[0], found[1], "postgresql")
        insert_event, insert_notice = _inserts("postgresql")
        async with conn.cursor() as cursor:
            await cursor.executemany(insert_event, events)
            await cursor.executemany(insert_notice, notices)
        head = (events[-1][0], events[-1][8])  # type: ignore[index] # rows are tuples
        await conn.execute("UPDATE chain_head SET seq = %s, hash = %s", head)
