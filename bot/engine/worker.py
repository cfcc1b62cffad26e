"""Claim, act, record: what the clock makes due is done here, by as many hands as are free."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from bot.domain.acts import Act
from bot.domain.grant import EndReason, Grant, State
from bot.domain.schedule import Due
from bot.engine.claims import CLAIM, Claim, Claimed
from bot.engine.conclusions import conclude, concluded_look
from bot.engine.holding import Leases, LostLeaseError
from bot.engine.jobs import Job, Provision
from bot.engine.ledger import Ledger, Pen
from bot.engine.ports import Meter
from bot.engine.recorder import Conclude, Outcome, recorder
from bot.engine.tasks import Tasks
from bot.storage import store
from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.engine")

CALLS_AT_ONCE: Final = 200
UNRECORDED_LIMIT: Final = 400


class Worker:
    """Drives due grants. Any number of `poke`s while it runs make it look once more."""

    def __init__(
        self,
        ledger: Ledger,
        claim: Claim,
        provision: Provision,
        *,
        start: Callable[[Job], Awaitable[tuple[Act, ...]]],
        busy: Callable[[], tuple[str, ...]],
        held_up: Callable[[], int],
        ahead: Callable[[datetime], None],
        meter: Meter,
        calls_at_once: int = CALLS_AT_ONCE,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """Idle until `begin`.

        `start` decides on a scheduled grant whose hour has come; `busy` names the providers that
        have more work than they take at once, and `held_up` counts what waits for those. `ahead`
        hears when the next grant falls due, as often as all that is due was taken on. `moment` is
        a steady clock in seconds.
        """
        self._ahead = ahead
        self._busy = busy
        self._held_up = held_up
        self._ledger = ledger
        self._claim = claim
        self._provision = provision
        self._start = start
        self._meter = meter
        self._limit = calls_at_once
        self._tasks = Tasks()
        self._recorder = recorder(ledger)
        self._moment = moment
        self._leases = Leases(ledger, claim.lease, moment)
        self._jobs: dict[str, Job] = {}
        self._last: dict[str, asyncio.Future[None]] = {}
        """For each grant that is worked on, when its latest job is over."""
        self._pressed: list[str] = []
        self._news = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._closing = False
        self.looked_at = time.monotonic()
        """When it last saw what is due, or had its hands full, by the steady clock: health."""

    def begin(self) -> None:
        """Start looking. Needs a running loop."""
        self._loops = [
            asyncio.create_task(self._recorder.run(), name="recorder"),
            asyncio.create_task(self._run(), name="worker"),
            asyncio.create_task(self._leases.run(), name="leases"),
        ]

    async def close(self, limit: float) -> None:
        """No new work; running calls finish within `limit` seconds and are recorded."""
        self._closing = True
        self._news.set()
        await self._tasks.close(limit)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def poke(self, grant_id: str | None = None) -> None:
        """Look now; at this grant first, when somebody waits for it."""
        if grant_id is not None:
            self._pressed.append(grant_id)
        self._news.set()

    @property
    def saturated(self) -> bool:
        """All hands are busy: what can wait should not take the database's time now."""
        return len(self._jobs) >= self._limit

    async def _run(self) -> None:
        while not self._closing:
            await self._news.wait()
            self._news.clear()
            try:
                await self._look()
            except StorageError as error:
                log.warning("nothing claimed", error=str(error))

    async def _look(self) -> None:
        """Take on what somebody waits for, then what is due, as long as there is room."""
        await self._take_pressed()
        if self._room() > 0 and await self._is_any_due():
            while self._room() > 0 and not self._closing and await self._claim_some():
                await self._take_pressed()
        self.looked_at = time.monotonic()

    async def _take_pressed(self) -> None:
        pressed, self._pressed = self._pressed, []
        for grant_id in pressed:
            since = self._moment()
            jobs = await self._ledger.write(partial(self._claim.one, grant_id=grant_id))
            self._take(jobs, since)

    async def _is_any_due(self) -> bool:
        """Mostly nothing is, and then nothing else need be asked."""
        nearest = await self._ledger.peek(store.nearest)
        if not nearest.is_due and nearest.at is not None:
            self._ahead(nearest.at)
        return nearest.is_due

    async def _claim_some(self) -> bool:
        """One claim; True when there may be more of what is due."""
        since = self._moment()
        found, ahead = await self._ledger.write(partial(self._due, self._room(), self._busy()))
        self.looked_at = time.monotonic()
        self._take(found.jobs, since)
        if ahead is not None:
            self._ahead(ahead)
        return found.more

    def _due(self, room: int, busy: tuple[str, ...], pen: Pen) -> tuple[Claimed, datetime | None]:
        """What is due; and when all of it was taken on, when the next falls due."""
        found = self._claim.due(pen, room, busy)
        return found, None if found.more else store.next_due(pen.conn)

    def _room(self) -> int:
        if len(self._recorder) >= UNRECORDED_LIMIT:
            return 0
        # Two claims ahead of the hands, so that they never wait for the database, and whole ones:
        # a claim costs a commit however small it is.
        room = self._limit + 2 * CLAIM + self._held_up() - len(self._jobs)
        return CLAIM if room >= CLAIM else 0

    def _take(self, jobs: list[Job], since: float) -> None:
        self._leases.taken(jobs, since)
        for job in jobs:
            self._jobs[job.token] = job
            self._tasks.start(self._do(job), f"{job.due} {job.grant.id}")

    async def _do(self, job: Job) -> None:
        former = self._last.get(job.grant.id)
        over = self._last[job.grant.id] = asyncio.get_running_loop().create_future()
        try:
            if job.due is Due.START:
                acts = await self._start(job)
                await self._record(job, lambda _grant, _now: acts)
            elif job.due is Due.GRANT and self._provision.looks_first(job.grant):
                await self._look_first(job)
            else:
                await self._call(job, former)
        except StorageError:
            return  # said by the recorder; the lease lapses and the call is made again
        except LostLeaseError as error:
            log.info("not called", grant=job.grant.id, due=job.due, why=str(error))
        finally:
            del self._jobs[job.token]
            self._leases.done(job)
            over.set_result(None)
            if self._last.get(job.grant.id) is over:
                del self._last[job.grant.id]
            self._news.set()

    async def _call(self, job: Job, former: asyncio.Future[None] | None = None) -> None:
        ours = self._leases.guard(job)
        answer = await self._provision.run(job, ours)
        if job.due is Due.REVOKE and former is not None and not former.done():
            # A call of ours on this grant was still under way, and may have landed after the look:
            # a clock that jumps ends leases, not calls.
            await asyncio.wait([former])
            answer = await self._provision.run(job, ours)
        await self._record(job, partial(conclude, job.due, answer))

    async def _look_first(self, job: Job) -> None:
        """The grant call only follows when its announcement is on disk."""
        answer = await self._provision.look(job.grant)
        lease = self._claim.lease
        grant = await self._record(
            job, lambda grant, now: concluded_look(answer, grant, now + lease)
        )
        if grant is not None and grant.lease_token == job.token:
            await self._call(Job(grant, job.due, job.token))

    async def _record(self, job: Job, conclude: Conclude) -> Grant | None:
        """The grant as recorded, None when the row was no longer this job's."""
        grant = await self._recorder.put(Outcome(job, conclude))
        if grant is not None and grant.state is State.ENDED and grant.ended_at is not None:
            self._meter.observe_lateness(_lateness(grant, grant.ended_at))
        return grant


def _lateness(grant: Grant, ended: datetime) -> float:
    """From the end on disk, or the press of Revoke now, to the proof."""
    expired = grant.end_reason is EndReason.EXPIRED
    wanted = grant.expires_at if expired else grant.revoking_at
    return (ended - wanted).total_seconds() if wanted is not None else 0.0
