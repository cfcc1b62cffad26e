"""What was claimed is ours for seconds. When it took longer, nothing that gives access goes out."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.base import Order, Presence
from adapters.demo import DemoAdapter, Fault, world_of
from bot.domain.grant import Grant, State, altered
from bot.engine.claims import LEASE, Claim
from bot.engine.holding import Leases, LostLeaseError
from bot.engine.jobs import Job, Provision
from bot.engine.ledger import Ledger
from bot.engine.providers import Providers
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, Figures, Office, office
from tests.storage.samples import make_grant, put


class Hand:
    """One process's hand, with a claimed grant in it that is to be made."""

    def __init__(self, database: Database, name: str) -> None:
        self.world = world_of(name)
        self.ledger = Ledger(database)
        providers = Providers({name: DemoAdapter(name)}, Figures(), moment=self.moment)
        self.provision = Provision(providers)
        self.claim = Claim("me", self.provision)
        self.leases = Leases(self.ledger, LEASE, self.moment)
        self.database = database
        self.name = name

    def moment(self) -> float:
        return self.database.clock.offset.total_seconds()

    async def take(self) -> Job:
        now = await self.database.read(store.now)
        grant = make_grant(
            state=State.GRANTING, expires_at=now + timedelta(minutes=30), next_at=now
        )
        order = replace(grant.order, provider=self.name, adapter="demo", params={"level": "read"})
        grant = altered(grant, order=order)
        await self.database.write(put(grant))
        since = self.moment()
        (job,) = await self.ledger.write(lambda pen: self.claim.one(pen, grant.id))
        self.leases.taken([job], since)
        return job

    async def row(self, job: Job) -> Grant:
        found = await self.database.read(lambda conn: store.get_grant(conn, job.grant.id))
        assert found is not None
        return found


@pytest.fixture
def hand(database: Database) -> Hand:
    return Hand(database, f"pg-{secrets.token_hex(4)}")


async def test_a_fresh_lease_needs_no_asking(hand: Hand) -> None:
    """The call goes out, and nothing was written for it."""
    job = await hand.take()
    before = await hand.row(job)
    answer = await hand.provision.run(job, hand.leases.guard(job))
    assert answer.presence is Presence.PRESENT
    assert await hand.row(job) == before


async def test_an_old_lease_is_renewed_before_the_call(hand: Hand) -> None:
    """Row 8: nobody took it: it is ours again, as is the time within which the call may land."""
    job = await hand.take()
    hand.database.clock.offset += LEASE * 2
    answer = await hand.provision.run(job, hand.leases.guard(job))
    assert answer.presence is Presence.PRESENT
    now = await hand.database.read(store.now)
    row = await hand.row(job)
    assert row.unsure_until is not None
    assert row.unsure_until > now + LEASE / 2


async def test_a_lost_lease_makes_no_call(hand: Hand) -> None:
    """Row 8: somebody else has the grant: nothing is given, whatever the job was about to do."""
    job = await hand.take()
    hand.database.clock.offset += LEASE * 2
    (theirs,) = await hand.ledger.write(lambda pen: hand.claim.one(pen, job.grant.id))
    with pytest.raises(LostLeaseError):
        await hand.provision.run(job, hand.leases.guard(job))
    assert not hand.world.access
    assert ("grant", job.grant.id) not in hand.world.calls
    assert (await hand.row(job)).lease_token == theirs.token


class Slow(DemoAdapter):
    """Once, what it answers to a look becomes old before it can be written down."""

    grow_old: Callable[[], None] | None = None

    async def _verify(self, order: Order) -> Presence:
        found = await super()._verify(order)
        if self.grow_old is not None and found is Presence.ABSENT:
            self.grow_old, grow_old = None, self.grow_old
            grow_old()
        return found


async def test_an_end_is_as_old_as_its_look(database: Database) -> None:
    """Row 20: gone at the look, and written down when a late call has landed since."""
    name = f"pg-{secrets.token_hex(4)}"
    async with office(database, provider=name) as here:
        adapter = Slow(name, call_limit=0.2)
        await here.engine.use(here.rules.current, {name: adapter})
        here.world.fail("grant", Fault.LAND_LATE, seconds=5.0)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        await here.wait(lambda: ("grant", "unreachable") in outcomes(here))
        adapter.grow_old = lambda: here.pass_time(2 * LEASE)
        await here.engine.service.revoke(DANA, grant.id)
        await here.until(grant.id, State.ENDED)
        here.world.settle()
        assert not here.world.access


def outcomes(here: Office) -> list[tuple[str, str]]:
    return [(verb, outcome) for _, verb, outcome in here.figures.calls]
