"""What came of jobs, recorded in batches.

A result counts only while the row still carries the token that its call was made under. What was
frozen and woke up, or lost against a person's Revoke now, is dropped.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from bot.domain.acts import Act
from bot.domain.grant import Grant
from bot.engine.gathering import Gathering
from bot.engine.jobs import Job
from bot.engine.ledger import Ledger, Pen
from bot.storage import store

Conclude = Callable[[Grant, datetime], Sequence[Act]]


class Outcome(Struct, frozen=True):
    """What came of a job. `conclude` makes acts of it, from the row and the time of the record."""

    job: Job
    conclude: Conclude


Recorder = Gathering[Outcome, Grant | None]
"""Its result is the grant as recorded, None when the row was no longer the job's."""


def recorder(ledger: Ledger) -> Recorder:
    """Nothing is recorded before its `run` runs. When it cannot be, the lease lapses."""
    return Gathering(ledger, _apply)


def _apply(pen: Pen, batch: Sequence[Outcome]) -> list[Grant | None]:
    rows = pen.again(outcome.job.grant for outcome in batch)
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
