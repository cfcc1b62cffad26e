"""What came of jobs is written by the rows as they were claimed, as long as they still are."""

import asyncio
from datetime import timedelta

from bot.domain.acts import Act, End, Role
from bot.domain.grant import EndReason, Grant, State
from bot.domain.schedule import Due
from bot.engine.jobs import Job
from bot.engine.ledger import Ledger
from bot.engine.recorder import Outcome, recorder
from bot.storage import store
from bot.storage.database import Database
from tests.storage.samples import NOON, make_grant, put


async def leaving(database: Database, resource: str) -> Job:
    """Access on its way out, claimed and looked at."""
    grant = make_grant(
        resource=resource,
        state=State.REVOKING,
        expires_at=NOON,
        revoking_at=NOON,
        end_reason=EndReason.EXPIRED,
        lease_owner="me",
        lease_token=f"token of {resource}",
    )
    await database.write(put(grant))
    return Job(grant, Due.REVOKE, f"token of {resource}")


def gone(*_: object) -> tuple[Act, ...]:
    return (End(actor="worker", role=Role.WORKER),)


async def recorded(database: Database, *jobs: Job) -> list[Grant | None]:
    """All in one batch."""
    hand = recorder(Ledger(database))
    waiting = asyncio.gather(*(hand.put(Outcome(job, gone)) for job in jobs))
    running = asyncio.create_task(hand.run())
    try:
        return await waiting
    finally:
        running.cancel()


async def states(database: Database, *jobs: Job) -> list[State]:
    ids = [job.grant.id for job in jobs]
    rows = await database.read(lambda conn: store.get_grants(conn, ids))
    return [rows[one].state for one in ids]


async def test_one_that_is_no_longer_ours_holds_up_no_other(database: Database) -> None:
    """Whose lease went to somebody else is dropped; the rest of its batch is recorded."""
    ours, theirs = await leaving(database, "a"), await leaving(database, "b")
    lease = store.Lease(theirs.grant.id, "you", "another", NOON + timedelta(minutes=1))
    await database.write(lambda conn: store.lease_grants(conn, [lease]))

    ended, dropped = await recorded(database, ours, theirs)

    assert ended is not None
    assert ended.state is State.ENDED
    assert dropped is None
    assert await states(database, ours, theirs) == [State.ENDED, State.REVOKING]


async def test_a_renewed_lease_is_still_the_job_s(database: Database) -> None:
    """The time of the lease moves on while the call is under way; the outcome counts."""
    job = await leaving(database, "a")
    held = {(job.grant.id, job.token)}
    later = NOON + timedelta(minutes=1)
    assert await database.write(lambda conn: store.renew_leases(conn, held, later)) == held

    (ended,) = await recorded(database, job)

    assert ended is not None
    assert await states(database, job) == [State.ENDED]


async def test_an_older_job_of_the_same_grant_does_not_count(database: Database) -> None:
    """Two outcomes of one grant in one batch: only the holder of the row's token ends it."""
    job = await leaving(database, "a")
    older = Job(job.grant, Due.REVOKE, "an older one")

    results = await recorded(database, job, older)

    assert [result is None for result in results] == [False, True]
    assert await states(database, job) == [State.ENDED]
