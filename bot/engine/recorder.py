"""What came of jobs, recorded in batches.

A result counts only while the row still carries the token that its call was made under. What was
frozen and woke up, or lost against a person's Revoke now, is dropped.

Mostly the rows are what they were when they were claimed, and they are not read for it: that they
still are is a condition of the write.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from msgspec import Struct

from bot.domain.acts import Act
from bot.domain.grant import Grant
from bot.engine.gathering import Gathering
from bot.engine.jobs import Job
from bot.engine.ledger import Ledger, Pen
from bot.storage import store
from bot.storage.errors import ConflictError

Conclude = Callable[[Grant, datetime], Sequence[Act]]


class Outcome(Struct, frozen=True):
    """What came of a job. `conclude` makes acts of it, from the row and the time of the record."""

    job: Job
    conclude: Conclude


Recorder = Gathering[Outcome, Grant | None]
"""Its result is the grant as recorded, None when the row was no longer the job's."""


def recorder(ledger: Ledger) -> Recorder:
    """Nothing is recorded before its `run` runs. When it cannot be, the lease lapses."""
    return Gathering(partial(_record, ledger))


async def _record(ledger: Ledger, batch: Sequence[Outcome]) -> list[Grant | None]:
    try:
        return await ledger.write(partial(_by_what_was_claimed, batch=batch))
    except ConflictError:
        return await ledger.write(partial(_by_what_is_there, batch=batch))


def _by_what_was_claimed(pen: Pen, batch: Sequence[Outcome]) -> list[Grant | None]:
    return _apply(pen, pen.believe(outcome.job.grant for outcome in batch), batch)


def _by_what_is_there(pen: Pen, batch: Sequence[Outcome]) -> list[Grant | None]:
    return _apply(pen, pen.grants(outcome.job.grant.id for outcome in batch), batch)


def _apply(pen: Pen, rows: Mapping[str, Grant], batch: Sequence[Outcome]) -> list[Grant | None]:
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
