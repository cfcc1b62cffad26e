"""The clock: APScheduler says when to look, and nothing else. It holds no grant.

Interval jobs and one movable wake-up, in memory. A job only starts a task in our own group: the
scheduler's shutdown cancels what runs in it, and a late job is run late, never dropped.

The scheduler reckons by the wall clock. Put back by an hour, it would look again in an hour; so a
steady clock is kept beside it, and when the two part everything is looked at, and reckoned, anew.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.engine.tasks import Tasks

log = structlog.get_logger("curfew.engine")

WAKE: Final = "wake"
GLANCE: Final = 1.0
"""Seconds between two looks at both clocks."""
STEP: Final = 1.0
"""Seconds by which they may part in between: a clock that is corrected gently parts by less."""


class Ticker:
    """Calls back at intervals, and once at the nearest moment that was asked for."""

    def __init__(self, tasks: Tasks) -> None:
        """Idle until `begin`; what is due runs in `tasks`."""
        self._tasks = tasks
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._running: set[str] = set()
        self._minding: asyncio.Task[None] | None = None

    def every(self, interval: timedelta, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """`work` at each interval; not again while it still runs."""
        self._scheduler.add_job(
            self._start,
            IntervalTrigger(seconds=interval.total_seconds()),
            args=(name, work),
            id=name,
        )

    def wake_at(self, at: datetime, call: Callable[[], None]) -> None:
        """`call` at that moment, in place of a wake-up asked for before."""
        self._scheduler.add_job(
            self._call, DateTrigger(at), args=(call,), id=WAKE, replace_existing=True
        )

    # Both jobs are coroutines: the scheduler runs plain functions in threads of its own.

    async def _call(self, call: Callable[[], None]) -> None:
        call()

    async def _start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        if name in self._running:
            return
        self._running.add(name)
        self._tasks.start(self._run(name, work), name)

    async def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            self._running.discard(name)

    async def _mind_steps(self) -> None:
        while True:
            apart = _apart()
            await asyncio.sleep(GLANCE)
            step = _apart() - apart
            if abs(step) > STEP:
                log.warning("the clock was put on or back, or stood still", seconds=round(step, 1))
                self._look_at_all()

    def _look_at_all(self) -> None:
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))

    def begin(self) -> None:
        """Needs a running loop."""
        self._scheduler.start()
        self._minding = asyncio.create_task(self._mind_steps(), name="clocks")

    def close(self) -> None:
        """No more calls."""
        if self._minding is not None:
            self._minding.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _apart() -> float:
    """The wall clock less the steady one, which stands still while the machine sleeps."""
    return time.time() - time.monotonic()
