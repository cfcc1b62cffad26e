"""Ending access with no bot running: the same claim, calls and records, for chosen grants only.

Nothing else is done meanwhile: no grant is made, no request decided, nobody told. The notices wait
on disk for the bot's next start.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from adapters.base import Adapter
from bot.domain.acts import Act
from bot.domain.errors import ProgramError
from bot.domain.grant import State
from bot.engine.claims import Claim, Claimed
from bot.engine.jobs import Job, Provision
from bot.engine.ledger import Ledger, Pen
from bot.engine.ports import Meter
from bot.engine.providers import Providers
from bot.engine.worker import Worker
from bot.storage import store
from bot.storage.database import Database


@dataclass(frozen=True, slots=True)
class ChosenClaim(Claim):
    """Claims of `chosen` what is on its way out, and nothing else."""

    chosen: tuple[str, ...] = ()

    def due(self, pen: Pen, limit: int, busy: tuple[str, ...]) -> Claimed:
        """As `Claim.due`; rows of providers that are `busy` are left where they are."""
        jobs: list[Job] = []
        for grant in pen.grants(self.chosen).values():
            is_free = grant.order.provider not in busy
            if is_free and grant.state is State.REVOKING and len(jobs) < limit:
                jobs += self.one(pen, grant.id)
        return Claimed(jobs, more=len(jobs) == limit)


@asynccontextmanager
async def ending(
    database: Database, adapters: Mapping[str, Adapter], meter: Meter, chosen: tuple[str, ...]
) -> AsyncIterator[Worker]:
    """A worker that ends these. The database is open `exclusive`. Poke it from time to time."""
    ledger = Ledger(database)
    # A bot that was killed in the middle holds nothing any more.
    await ledger.write(_free_dead)
    providers = Providers(adapters, meter)
    provision = Provision(providers)
    worker = Worker(
        ledger,
        ChosenClaim(database.replica, provision, chosen=chosen),
        provision,
        start=_never,
        busy=lambda: providers.busy,
        held_up=lambda: providers.held_up,
        ahead=_no_matter,
        meter=meter,
    )
    worker.begin()
    try:
        yield worker
    finally:
        await worker.close(limit=10.0)
        await providers.replace({})


def _free_dead(pen: Pen) -> None:
    store.free_leases(pen.conn, store.dead_owners(pen.conn))


def _no_matter(when: datetime) -> None:
    """Who waits for ends that are due looks again by itself."""
    del when


async def _never(job: Job) -> tuple[Act, ...]:
    raise ProgramError(f"{job.grant.id} is no end")
