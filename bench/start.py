"""An old database: how soon the bot works on it, and how quick lists, ticks and proofs are."""

import asyncio
import gc
import hashlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bench.archive import build
from bench.scene import apart, database_urls, resident_mib
from bench.table import Table, say
from bot.domain.grant import State
from bot.domain.record import EventKind
from bot.engine.ledger import Ledger
from bot.engine.verifying import prove
from bot.storage import store
from bot.storage.clock import Clock
from bot.storage.database import Database

Look = Callable[[Connection], object]


def measure(*, quick: bool) -> Table:
    grants, events = (10_000, 100_000) if quick else (100_000, 1_000_000)
    table = Table(
        f"{grants:,} live grants, {events:,} lines in the log",
        ("database", "figure", "seen", "bar", "reached"),
        note="Starts are from exec, in a process of its own, the first sweep included in its"
        " memory. Lists are medians of 9; the slowest is named.",
    )
    for on in ("sqlite", "postgresql"):
        with database_urls([on]) as urls:
            url = urls[on]
            say(f"{on}: made old")
            asyncio.run(_tables(url))
            build(url, on, grants, events)
            for figure, seen, bar, fine in (
                *apart(_looks, url, grants, events),
                *_starts(url, grants),
            ):
                reached = table.bar(f"old database, {on}: {figure}", seen, bar, fine=fine)
                table.add(on, figure, seen, bar, reached)
    return table


async def _tables(url: str) -> None:
    async with await Database.open(url, migrate=True):
        return


Figure = tuple[str, str, str, bool]


def _starts(url: str, grants: int) -> list[Figure]:
    words = [sys.executable, "-m", "bench.old", url, str(time.time()), str(grants)]
    ended = subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - ourselves
    found = json.loads(ended.stdout.splitlines()[-1])
    return [
        ("exec → first claim acted on", f"{found['claim']:.2f} s", "1.5 s", found["claim"] <= 1.5),
        ("exec → first tick done", f"{found['ready']:.2f} s", "2.5 s", found["ready"] <= 2.5),
        ("resident", f"{found['rss']:.0f} MiB", "150 MB", found["rss"] <= 143),
    ]


def _looks(url: str, grants: int, events: int) -> list[Figure]:
    return asyncio.run(_look(url, grants, events))


async def _look(url: str, grants: int, events: int) -> list[Figure]:
    # Before anything was due, so that a tick finds nothing to do.
    clock = Clock(offset=timedelta(days=-1))
    async with await Database.open(url, clock=clock) as database:
        slowest, took = await _lists(database, grants)
        tick = await _tick(database)
        gc.disable()  # as `curfew audit verify` does
        before, began = resident_mib(), time.perf_counter()
        proof = await prove(database)
        rate = proof.lines / (time.perf_counter() - began)
        grown = resident_mib() - before
        assert proof.fault is None
        assert proof.lines == events
    alone = _hashing()
    return [
        ("slowest list or search", f"{took * 1000:.1f} ms ({slowest})", "50 ms", took <= 0.05),
        ("empty tick", f"{tick * 1000:.2f} ms", "1 ms", tick <= 0.001),
        (
            "log verified",
            f"{rate:,.0f} lines/s (hashing alone {alone:,.0f}), +{grown:.0f} MiB",
            "200,000 lines/s",
            rate >= 200_000,
        ),
    ]


async def _lists(database: Database, grants: int) -> tuple[str, float]:
    middle = f"{grants // 2:012}"
    after = datetime.now(UTC) - timedelta(minutes=30), middle
    looks: dict[str, Look] = {
        "newest": store.list_grants,
        "page behind": partial(store.list_grants, after=after),
        "active": partial(store.list_grants, states=[State.ACTIVE]),
        "of a person": partial(store.list_grants, requester="U0000100"),
        "of a resource": partial(store.list_grants, resource="lab"),
        "prefix": lambda conn: store.find_grants_by_prefix(conn, middle[:8], 50),
        "history of a grant": lambda conn: store.events_of(conn, middle),
        "log of a person": partial(store.search_events, person="U0000100"),
        "log of a resource": partial(store.search_events, resource="lab"),
        "log of a kind": partial(store.search_events, kinds=[EventKind.GRANT_ENDED]),
        "person and kind": partial(
            store.search_events, person="U0000100", kinds=[EventKind.GRANT_ENDED]
        ),
        "last week": partial(store.search_events, since=datetime.now(UTC) - timedelta(days=75)),
        "export page": lambda conn: store.events_page(conn, grants, 500),
        "overdue": store.overdue_grants,
    }
    found = {name: await _median(partial(database.read, look)) for name, look in looks.items()}
    name = max(found, key=lambda key: found[key])
    return name, found[name]


async def _tick(database: Database) -> float:
    """What a tick of the engine asks when nothing is due."""
    ledger = Ledger(database)

    async def tick() -> None:
        assert not (await ledger.peek(store.nearest)).is_due

    return await _median(tick, times=50)


async def _median(work: Callable[[], object], times: int = 9) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await work()  # type: ignore[misc] # each gives an awaitable
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _hashing(count: int = 200_000) -> float:
    """SHA-256 over lines of the usual length, and nothing else."""
    digest, body = bytes(32), b"x" * 250
    began = time.perf_counter()
    for _ in range(count):
        digest = hashlib.sha256(digest + body).digest()
    return count / (time.perf_counter() - began)
