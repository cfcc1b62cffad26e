"""The clock: APScheduler says when to look, and nothing else. It holds no grant.

Interval jobs and one movable wake-up, in memory. A job only starts a task in our own group: the
scheduler's shutdown cancels what runs in it, and a late job is run late, never dropped.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.engine.tasks import Tasks

WAKE: Final = "wake"


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

    def begin(self) -> None:
        self._scheduler.start()

    def close(self) -> None:
        """No more calls."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
