"""One recorder: it takes what finished while the last commit ran, so commits cost by the hundred.

A result counts only while the row still carries the token that its call was made under. What was
frozen and woke up, or lost against a person's Revoke now, is dropped.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bot.domain.acts import Act
from bot.domain.grant import Grant, State
from bot.engine.jobs import Job
from bot.engine.ledger import Ledger, Pen
from bot.storage import store
from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.engine")

BATCH: Final = 200


Conclude = Callable[[Grant, datetime], Sequence[Act]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job. `conclude` makes acts of it, from the row and the time of the record."""

    job: Job
    conclude: Conclude
    done: "asyncio.Future[Grant | None]"


class Recorder:
    """Writes outcomes in batches. `unrecorded` bounds what a crash makes us repeat."""

    def __init__(self, ledger: Ledger, ended: Callable[[Grant], None]) -> None:
        """`ended` hears of each grant whose end was just proven."""
        self._ledger = ledger
        self._ended = ended
        self._queue: list[Outcome] = []
        self._news = asyncio.Event()
        self._writing = 0

    @property
    def unrecorded(self) -> int:
        return len(self._queue) + self._writing

    async def record(self, job: Job, conclude: Conclude) -> Grant | None:
        """The grant as recorded, None when the row was no longer this job's.

        Raises the storage's errors when it could not be written; then the lease lapses and the
        call is made again.
        """
        done: asyncio.Future[Grant | None] = asyncio.get_running_loop().create_future()
        self._queue.append(Outcome(job, conclude, done))
        self._news.set()
        return await done

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                self._writing = len(batch)
                try:
                    await self._write(batch)
                finally:
                    self._writing = 0

    async def _write(self, batch: Sequence[Outcome]) -> None:
        try:
            grants = await self._ledger.write(lambda pen: _apply(pen, batch))
        except StorageError as error:
            log.warning("outcomes not recorded", count=len(batch), error=str(error))
            for outcome in batch:
                if not outcome.done.cancelled():
                    outcome.done.set_exception(error)
            return
        for outcome, grant in zip(batch, grants, strict=True):
            if grant is not None and grant.state is State.ENDED:
                self._ended(grant)
            if not outcome.done.cancelled():
                outcome.done.set_result(grant)


def _apply(pen: Pen, batch: Sequence[Outcome]) -> list[Grant | None]:
    rows = pen.grants(outcome.job.grant.id for outcome in batch)
    return [_apply_one(pen, rows.get(outcome.job.grant.id), outcome) for outcome in batch]


def _apply_one(pen: Pen, grant: Grant | None, outcome: Outcome) -> Grant | None:
    if grant is None or grant.lease_token != outcome.job.token:
        return None
    job = outcome.job
    acts = outcome.conclude(grant, pen.now)
    for act in acts:
        grant = pen.step(grant, act)
        if act is not acts[-1] and job.grant.lease_owner and job.grant.next_at:
            # The lease is the job's until its last act.
            held = store.Lease(
                grant.id, job.grant.lease_owner, job.token, job.grant.next_at, grant.unsure_until
            )
            grant = pen.lease(grant, held)
    return grant
