"""Telling people: notices from disk to the poster, in order within a lane, until they arrived.

A notice is claimed like a grant (a lease, a token), told, and then forgotten in the same
transaction that remembers where the message stands. Nobody who waits for access, or for its end,
waits for this: while all hands are busy with those, few notices are taken up at a time.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.record import AUDIT_LANE, Event, EventKind, QueuedNotice
from bot.engine.conclusions import distance
from bot.engine.gathering import Gathering
from bot.engine.ledger import Ledger, Pen
from bot.engine.ports import Delivered, Poster, Posting, PostLaterError, PostRefusedError
from bot.engine.tasks import Tasks
from bot.storage import store
from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.engine")

LANES_AT_ONCE: Final = 40
STEP_BACK: Final = 1.0
"""Seconds between two claims while ends and grants need the database. Slack takes fewer."""
AGAIN: Final = 1.0
"""Seconds between two tries to write down what became of a notice."""
LEASE: Final = timedelta(seconds=60)
TIME_LIMIT: Final = 50.0
"""Seconds for one delivery, its wait for its turn included; below the lease."""


Change = Callable[[Pen], None]


class Outbox:
    """Drives notices. Any number of `poke`s while it runs make it look once more."""

    def __init__(
        self, ledger: Ledger, poster: Poster, *, owner: str, pressed: Callable[[], bool]
    ) -> None:
        """Idle until `begin`. `owner` is this process's replica id.

        `pressed` says that more urgent work needs the database now.
        """
        self._ledger = ledger
        self._poster = poster
        self._owner = owner
        self._pressed = pressed
        self._tasks = Tasks()
        self._telling: set[int] = set()
        self._news = asyncio.Event()
        self._outcomes: Gathering[Change, None] = Gathering(self._write_down)
        self._loops: list[asyncio.Task[None]] = []
        self._closing = False

    def begin(self) -> None:
        """Start looking. Needs a running loop."""
        self._loops = [
            asyncio.create_task(self._run(), name="outbox"),
            asyncio.create_task(self._outcomes.run(), name="outbox outcomes"),
        ]

    def poke(self) -> None:
        self._news.set()

    async def close(self, limit: float) -> None:
        """No new deliveries; running ones get `limit` seconds."""
        self._closing = True
        self._news.set()
        await self._tasks.close(limit)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def _run(self) -> None:
        while not self._closing:
            await self._news.wait()
            self._news.clear()
            try:
                while not self._closing and await self._claim_some():
                    pass
            except StorageError as error:
                log.warning("no notice claimed", error=str(error))
            if self._pressed():
                await asyncio.sleep(STEP_BACK)

    async def _claim_some(self) -> bool:
        room = LANES_AT_ONCE - len(self._tasks)
        if room <= 0:
            return False
        token = secrets.token_hex(8)
        # Never what is being told here and now: a clock that jumps ends our leases, not our calls.
        telling = frozenset(self._telling)
        claim = partial(self._claim, token=token, limit=room, besides=telling)
        notices = await self._ledger.write(claim)
        for notice in notices:
            self._telling.add(notice.id)
            self._tasks.start(self._deliver(notice), f"notice {notice.id}")
        return len(notices) == room and not self._pressed()

    def _claim(
        self, pen: Pen, *, token: str, limit: int, besides: frozenset[int]
    ) -> list[QueuedNotice]:
        return store.claim_notices(
            pen.conn,
            self._owner,
            token=token,
            now=pen.now,
            until=pen.now + LEASE,
            limit=limit,
            besides=besides,
        )

    async def _deliver(self, notice: QueuedNotice) -> None:
        try:
            async with asyncio.timeout(TIME_LIMIT):
                delivered = await self._poster.deliver(notice, self._ledger.clock.now())
        except PostLaterError as error:
            await self._later(notice, error)
        except TimeoutError:
            await self._later(notice, PostLaterError("no answer in time", unsure=True))
        except StorageError as error:
            await self._later(notice, PostLaterError(str(error), unsure=True))
        except PostRefusedError as error:
            if notice.notice.lane == AUDIT_LANE:
                # The audit lane never gives up: what it tells is wanted whenever it can be told.
                await self._later(notice, PostLaterError(str(error), retry_after=60))
            else:
                await self._record(partial(_drop, notice=notice, error=error))
        else:
            await self._record(partial(_finish, notice=notice, delivered=delivered))
        finally:
            self._telling.discard(notice.id)
            self._news.set()

    async def _write_down(self, batch: Sequence[Change]) -> list[None]:
        return await self._ledger.write(lambda pen: [change(pen) for change in batch])

    async def _later(self, notice: QueuedNotice, error: PostLaterError) -> None:
        wait = distance(notice.attempts)
        if error.retry_after is not None:
            wait = timedelta(seconds=error.retry_after)
        log.info("notice later", notice=notice.id, kind=notice.notice.kind, error=str(error))
        unsure = error.unsure or notice.unsure

        def change(pen: Pen) -> None:
            _remember(pen, error.postings)
            store.retry_notice(pen.conn, notice.id, notice.token, pen.now + wait, unsure=unsure)

        await self._record(change)

    async def _record(self, change: Change) -> None:
        """On disk, however long the database is away: nothing else moves this lane on."""
        while True:
            try:
                await self._outcomes.put(change)
            except StorageError:
                await asyncio.sleep(AGAIN)  # said by the gathering; each change may be repeated
            else:
                return


def _finish(pen: Pen, *, notice: QueuedNotice, delivered: Delivered) -> None:
    """Told. Where it stands is remembered even when the lease was lost: it does stand there."""
    _remember(pen, delivered.postings)
    store.finish_notice(pen.conn, notice.id, notice.token)


def _remember(pen: Pen, postings: Sequence[Posting]) -> None:
    for posting in postings:
        store.put_posting(pen.conn, posting)


def _drop(pen: Pen, *, notice: QueuedNotice, error: PostRefusedError) -> None:
    """Never to be told this way: that is an event, and the admins hear of it."""
    _remember(pen, error.postings)
    if not store.finish_notice(pen.conn, notice.id, notice.token):
        return
    told = notice.notice
    pen.note(
        Event(
            kind=EventKind.NOTICE_DROPPED,
            at=pen.now,
            actor="bot",
            grant_id=told.grant_id,
            data={"code": error.code, "notice": told.kind.value, "lane": told.lane},
        )
    )
