"""Notices in the hands of one process, when its clock is not what one hopes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.record import Notice, NoticeKind, QueuedNotice
from bot.engine.ledger import Ledger
from bot.engine.outbox import LEASE, Outbox
from bot.engine.ports import Delivered
from bot.storage import store
from bot.storage.database import Database
from sandbox.postgres import EmbeddedPostgres

AWAY = 2.0
"""Seconds: longer than a transaction is tried again."""


@dataclass
class SlowPost:
    """A poster whose deliveries end when `arrived` is set."""

    begun: list[int] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, notice: QueuedNotice, now: datetime) -> Delivered:
        del now
        self.begun.append(notice.id)
        await self.arrived.wait()
        return Delivered()


async def test_a_clock_that_jumps_tells_nothing_twice(database: Database) -> None:
    """A suspended machine wakes up with a message under way, its lease long over: one is sent."""
    ledger, post = Ledger(database), SlowPost()
    outbox = Outbox(ledger, post, owner=database.replica, pressed=lambda: False)
    await ledger.write(lambda pen: pen.tell(Notice("dm:U1", NoticeKind.DM_GRANTED, None, {"n": 1})))
    outbox.begin()
    outbox.poke()
    try:
        async with asyncio.timeout(10):
            await _until(lambda: len(post.begun) == 1)
            database.clock.offset += LEASE * 2
            other = Notice("dm:U2", NoticeKind.DM_GRANTED, None, {"n": 2})
            await ledger.write(lambda pen: pen.tell(other))
            outbox.poke()
            await _until(lambda: len(post.begun) >= 2)
            post.arrived.set()
            while (await database.read(store.notice_backlog))[0]:  # noqa: ASYNC110 - nor have rows
                await asyncio.sleep(0.01)
    finally:
        await outbox.close(1.0)

    assert len(post.begun) == len(set(post.begun)) == 2


async def test_a_database_that_was_away_holds_no_lane_up(
    postgres_url: str, postgres_server: EmbeddedPostgres
) -> None:
    """A message arrives while the database is away: that is written down as soon as it is back."""
    async with await Database.open(postgres_url, exclusive=True) as database:
        ledger, post = Ledger(database), SlowPost()
        outbox = Outbox(ledger, post, owner=database.replica, pressed=lambda: False)
        word = Notice("dm:U1", NoticeKind.DM_GRANTED, None, {"n": 1})
        await ledger.write(lambda pen: pen.tell(word))
        outbox.begin()
        outbox.poke()
        try:
            async with asyncio.timeout(LEASE.total_seconds() / 2):
                await _until(lambda: len(post.begun) == 1)
                await asyncio.to_thread(postgres_server.stop, "immediate")
                post.arrived.set()
                await asyncio.sleep(AWAY)
                await asyncio.to_thread(postgres_server.start)
                while (await database.read(store.notice_backlog))[0]:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
        finally:
            await outbox.close(1.0)

    assert len(post.begun) == 1


async def _until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - the poster has no bell
        await asyncio.sleep(0.01)
