"""One process in which a job library ends grants, recording the rows that Curfew records.

    python -m bench.rival NAME enqueue|work URL CALLS FILE DUE

A job a grant. Its body expires the row, revokes and verifies at the provider, and records the end:
two transactions, as in Curfew, but each job's own.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import procrastinate
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from sqlalchemy import text

from bench.child import FileAdapter, held_since
from bot.domain.acts import End, Finish, Role
from bot.domain.grant import EndReason, State
from bot.engine.ledger import Ledger, Pen
from bot.engine.providers import order_of
from bot.storage.database import Database

LIVE = text("SELECT id FROM grants WHERE state IN ('active', 'revoking')")
CLOCK = Finish(actor="clock", role=Role.CLOCK, why=EndReason.EXPIRED)
GONE = End(actor="worker", role=Role.WORKER)


class Body:
    """What a job does. At most `calls` jobs are at the provider at once."""

    def __init__(self, database: Database, calls: int, path: Path) -> None:
        self.ledger = Ledger(database)
        self.adapter = FileAdapter("sleepy", path)
        self.turn = asyncio.Semaphore(calls)

    async def end(self, grant_id: str) -> None:
        async with self.turn:
            grant = await self.ledger.write(partial(_step, grant_id=grant_id, act=CLOCK))
            order = order_of(grant)
            await self.adapter.revoke(order)
            await self.adapter.verify(order)
            await self.ledger.write(partial(_step, grant_id=grant_id, act=GONE))


def _step(pen: Pen, *, grant_id: str, act: Finish | End) -> object:
    grant = pen.grants([grant_id])[grant_id]
    done = State.REVOKING if isinstance(act, Finish) else State.ENDED
    return grant if grant.state in (done, State.ENDED) else pen.step(grant, act)


BODY: list[Body] = []
"""APScheduler finds a job's function by its name."""


async def end(grant_id: str) -> None:
    await BODY[0].end(grant_id)


async def apscheduler(what: str, url: str, ids: list[str], due: datetime, body: Body) -> None:
    plain = url.replace("postgresql://", "postgresql+psycopg://")
    scheduler = AsyncIOScheduler(
        jobstores={"default": SQLAlchemyJobStore(plain)},
        job_defaults={"misfire_grace_time": None, "max_instances": 1},
        timezone=UTC,
    )
    BODY.append(body)
    scheduler.start(paused=what == "enqueue")
    if what == "enqueue":
        for grant_id in ids:
            scheduler.add_job(end, DateTrigger(due), args=(grant_id,))
        scheduler.shutdown()


async def procrastinate_(what: str, url: str, ids: list[str], due: datetime, body: Body) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    task = app.task(name="end")(end)
    BODY.append(body)
    await app.open_async()
    if what == "enqueue":
        await app.schema_manager.apply_schema_async()
        jobs = [{"grant_id": grant_id} for grant_id in ids]
        await task.configure(schedule_at=due).batch_defer_async(*jobs)
        await app.close_async()
        return
    await app.run_worker_async(
        concurrency=body.turn._value,  # noqa: SLF001 - as many as calls at once
        fetch_job_polling_interval=1.0,
        install_signal_handlers=False,
    )


async def pgqueuer(what: str, url: str, ids: list[str], due: datetime, body: Body) -> None:
    conn = await asyncpg.connect(url)
    if what == "enqueue":
        queries = Queries(AsyncpgDriver(conn))
        await queries.install()
        count, wait = len(ids), due - datetime.now(UTC)
        payload = [json.dumps(grant_id).encode() for grant_id in ids]
        await queries.enqueue(["end"] * count, payload, [0] * count, [wait] * count)
        await conn.close()
        return
    queue = PgQueuer.from_asyncpg_connection(conn)

    @queue.entrypoint("end")
    async def _end(job: Job) -> None:
        await body.end(json.loads(job.payload or b""))

    calls = body.turn._value  # noqa: SLF001 - as many as calls at once
    await queue.run(max_concurrent_tasks=calls, batch_size=max(1, calls // 2))


Rival = Callable[[str, str, list[str], datetime, Body], Awaitable[None]]
RIVALS: dict[str, Rival] = {
    "APScheduler": apscheduler,
    "procrastinate": procrastinate_,
    "pgqueuer": pgqueuer,
}


async def main(name: str, what: str, url: str, calls: int, path: Path, due: datetime) -> None:
    async with await Database.open(url) as database:
        body = Body(database, calls, path)
        ids = await database.read(lambda conn: list(conn.scalars(LIVE)))
        running = asyncio.ensure_future(RIVALS[name](what, url, ids, due, body))
        if what == "enqueue":
            await running
            return
        await held_since(due, path, _rest(database))


async def _rest(database: Database) -> None:
    while await database.read(lambda conn: conn.execute(LIVE).first()):
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(
        main(
            *(given[0], given[1], given[2], int(given[3]), Path(given[4])),
            datetime.fromisoformat(given[5]),
        )
    )
