"""Leases of what is being worked on: kept alive, and known to be good before access is given.

A lease is a time in the database, and the announcement of a call that gives access runs as long. A
job that had to wait while the database was away may find both long gone: somebody else has taken
the access away and seen it gone, and a call that goes out now would bring it back.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

import structlog

from bot.domain.errors import CurfewError
from bot.engine.jobs import Job
from bot.engine.ledger import Ledger, Pen
from bot.engine.providers import Ours
from bot.storage import store
from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.engine")

Held = list[tuple[str, str]]
"""Grant and token of each lease."""


class LostLeaseError(CurfewError):
    """The grant is no longer ours. Nothing was called, and there is nothing to record."""


class Leases:
    """Those of one process."""

    def __init__(self, ledger: Ledger, length: timedelta, moment: Callable[[], float]) -> None:
        """`moment` is a steady clock in seconds."""
        self._ledger = ledger
        self._length = length
        self._moment = moment
        self._good_until: dict[tuple[str, str], float] = {}
        """By the steady clock, reckoned from before the database was asked."""

    def taken(self, jobs: Iterable[Job], since: float) -> None:
        """These were claimed; the claim began at `since`."""
        until = since + self._length.total_seconds()
        self._good_until.update({(job.grant.id, job.token): until for job in jobs})

    def done(self, job: Job) -> None:
        """Nobody works on it any more."""
        del self._good_until[job.grant.id, job.token]

    def guard(self, job: Job) -> Ours:
        """To be awaited before a call that gives access, with how many seconds it may take.

        Raises `LostLeaseError`, and the storage's errors: then the call must not be made.
        """
        return partial(self._ensure, (job.grant.id, job.token))

    async def _ensure(self, held: tuple[str, str], seconds: float) -> None:
        if self._good_until[held] - self._moment() >= seconds:
            return
        if held not in await self._extend([held]):
            raise LostLeaseError("the lease ran out, and somebody else has the grant")

    async def run(self) -> None:
        """Until cancelled: a third of a lease is never let pass."""
        while True:
            await asyncio.sleep(self._length.total_seconds() / 3)
            held = list(self._good_until)
            if not held:
                continue
            try:
                await self._extend(held)
            except StorageError as error:
                log.warning("leases not renewed", count=len(held), error=str(error))

    async def _extend(self, held: Held) -> set[tuple[str, str]]:
        """Those that are still ours."""
        since = self._moment()
        ours = await self._ledger.write(partial(self._renew, held))
        until = since + self._length.total_seconds()
        self._good_until.update({one: until for one in ours if one in self._good_until})
        return ours

    def _renew(self, held: Held, pen: Pen) -> set[tuple[str, str]]:
        return store.renew_leases(pen.conn, held, pen.now + self._length)
