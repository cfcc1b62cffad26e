"""Claims: who may work on what, and for how long."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, text

from bot.domain.grant import Grant, State, altered
from bot.storage import store
from bot.storage.database import Database
from bot.storage.tables import grants
from tests.storage.samples import HOUR, MINUTE, NOON, insert_bulk, make_grant, put

LEASE = timedelta(seconds=15)


def claim(owner: str, token: str, *, ends: bool = True, limit: int = 20) -> "Claim":
    """A transaction that leases what is due; gives the ids."""

    def run(conn: Connection) -> list[str]:
        due = store.due_grants(conn, ends=ends, limit=limit)
        until = store.now(conn) + LEASE
        store.lease_grants(conn, [store.Lease(grant.id, owner, token, until) for grant in due])
        return [grant.id for grant in due]

    return run


Claim = Callable[[Connection], list[str]]


def due(number: int, **changes: object) -> Grant:
    return make_grant(
        resource=f"r{number}", state=State.ACTIVE, next_at=NOON - number * MINUTE, **changes
    )


async def claim_all(one: Database, two: Database, run: Callable[[Database, str], object]) -> None:
    """Both claim until nothing is left, at the same time."""
    await asyncio.gather(*(run(base, name) for base in (one, two) for name in "abcd"))  # type: ignore[arg-type]


async def test_two_never_claim_the_same(database: Database, other: Database) -> None:
    """Eight claimers on two connections get each due grant exactly once between them."""
    await database.write(lambda conn: insert_bulk(conn, [due(number) for number in range(400)]))
    got: Counter[str] = Counter()

    async def drain(base: Database, name: str) -> None:
        # A skipped row is another's, so one empty claim is enough to stop.
        while ids := await base.write(claim(base.replica, name, limit=7)):
            got.update(ids)

    await claim_all(database, other, drain)
    assert len(got) == 400
    assert set(got.values()) == {1}


async def test_claim_by_read_then_update_rings(database: Database, other: Database) -> None:
    """The broken variant (read, then lease in another transaction) claims grants twice."""
    await database.write(lambda conn: insert_bulk(conn, [due(number) for number in range(60)]))
    got: Counter[str] = Counter()

    async def drain(base: Database, name: str) -> None:
        while found := await base.write(lambda conn: store.due_grants(conn, ends=True, limit=7)):
            leases = [
                store.Lease(grant.id, base.replica, name, NOON + 365 * 24 * 100 * HOUR)
                for grant in found
            ]
            await base.write(lambda conn, leases=leases: store.lease_grants(conn, leases))
            got.update(grant.id for grant in found)

    await claim_all(database, other, drain)
    assert max(got.values()) > 1


async def test_longest_waiting_first_and_ends_apart_from_begins(database: Database) -> None:
    """Ends and begins are claimed apart, each in the order in which they fell due."""
    states = [State.ACTIVE, State.PENDING, State.REVOKING, State.GRANTING, State.SCHEDULED]
    many = [altered(due(number), state=state) for number, state in enumerate(states)]
    many.append(altered(due(99), state=State.ENDED))
    await database.write(put(*many))
    ends = await database.write(lambda conn: store.due_grants(conn, ends=True, limit=9))
    begins = await database.write(lambda conn: store.due_grants(conn, ends=False, limit=9))
    assert [grant.resource for grant in ends] == ["r2", "r0"]
    assert [grant.resource for grant in begins] == ["r4", "r3", "r1"]


async def test_a_lease_takes_out_of_what_is_due_until_it_ends(database: Database) -> None:
    """A claimed grant is not due again before the lease's end, and then it is."""
    grant = due(0)
    await database.write(put(grant))
    assert await database.write(claim("a", "1")) == [grant.id]
    assert await database.write(claim("b", "2")) == []
    database.clock.offset += LEASE + timedelta(seconds=1)
    assert await database.write(claim("b", "2")) == [grant.id]
    held = await database.read(lambda conn: store.get_grant(conn, grant.id))
    assert held is not None
    assert (held.lease_owner, held.lease_token, held.version) == ("b", "2", grant.version)


async def test_a_lease_is_renewed_by_its_token_alone(database: Database) -> None:
    """Who lost the lease meanwhile cannot renew it."""
    grant = due(0)
    await database.write(put(grant))
    await database.write(claim("a", "1"))
    later = await database.read(store.now) + HOUR
    ours, theirs = (grant.id, "1"), (grant.id, "2")
    assert await database.write(lambda c: store.renew_leases(c, [ours], later)) == {ours}
    assert await database.write(lambda c: store.renew_leases(c, [theirs], NOON)) == set()
    held = await database.read(lambda conn: store.get_grant(conn, grant.id))
    assert held is not None
    assert held.next_at == later


async def test_a_call_under_way_may_land_while_its_lease_runs(database: Database) -> None:
    """Renewing moves the time until which a call is unsure, and makes no other call unsure."""
    calling, quiet = due(0), due(1)
    await database.write(put(calling, quiet))
    leases = [
        store.Lease(calling.id, "a", "1", NOON + HOUR, NOON + HOUR),
        store.Lease(quiet.id, "a", "2", NOON + HOUR),
    ]
    await database.write(lambda conn: store.lease_grants(conn, leases))
    later = NOON + 2 * HOUR
    held = [(calling.id, "1"), (quiet.id, "2")]
    assert await database.write(lambda conn: store.renew_leases(conn, held, later)) == {*held}
    found = await database.read(lambda conn: store.get_grants(conn, [calling.id, quiet.id]))
    assert [found[grant.id].next_at for grant in (calling, quiet)] == [later, later]
    assert [found[grant.id].unsure_until for grant in (calling, quiet)] == [later, None]


async def test_a_lease_says_until_when_a_call_may_land(database: Database) -> None:
    """A lease may carry the time until which its call is unsure."""
    grant = due(0)
    await database.write(put(grant))
    lease = store.Lease(grant.id, "a", "1", NOON + HOUR, NOON + 2 * HOUR)
    await database.write(lambda conn: store.lease_grants(conn, [lease]))
    held = await database.read(lambda conn: store.get_grant(conn, grant.id))
    assert held is not None
    assert held.unsure_until == NOON + 2 * HOUR


async def test_providers_can_be_left_out(database: Database) -> None:
    """What belongs to a provider with an open circuit is not claimed."""
    one, two = due(0), due(1)
    two = altered(two, order=replace(two.order, provider="broken"))
    await database.write(put(one, two))
    found = await database.write(
        lambda conn: store.due_grants(conn, ends=True, limit=9, exclude_providers=["broken"])
    )
    assert found == [one]


async def test_next_due(database: Database) -> None:
    """The nearest time of all live grants, whichever way they go; none when nothing lives."""
    assert await database.read(store.next_due) is None
    assert await database.read(store.nearest) == (None, False)
    await database.write(put(due(1), make_grant(next_at=NOON - HOUR), due(2, id="0" * 12)))
    gone = make_grant(state=State.ENDED, resource="gone", next_at=NOON - 9 * HOUR)
    await database.write(put(gone))
    assert await database.read(store.nearest) == (NOON - HOUR, True)


async def test_next_due_of_what_is_to_come(database: Database) -> None:
    """What is due already does not hide what falls due next."""
    later = database.clock.now() + HOUR
    await database.write(put(due(1), make_grant(resource="later", next_at=later)))
    assert await database.read(store.next_due) == later
    assert (await database.read(store.nearest)).is_due


async def test_a_dead_owner_s_leases_are_freed(database: Database) -> None:
    """After a crash, what the dead process held is due at once, without waiting for the lease."""
    grant = due(0)
    await database.write(put(grant))
    await database.write(claim("crashed-1", "1"))
    await database.write(claim(database.replica, "2"))
    assert await database.read(store.dead_owners) == ["crashed-1"]
    assert await database.write(lambda conn: store.free_leases(conn, ["crashed-1"])) == 1
    assert await database.write(claim(database.replica, "3")) == [grant.id]
    assert await database.read(store.dead_owners) == []


async def test_a_living_owner_is_not_dead(postgres_url: str) -> None:
    """On PostgreSQL a replica counts as dead exactly when its advisory lock is free."""
    async with await Database.open(postgres_url, exclusive=True) as one:
        await one.write(put(due(0)))
        two = await Database.open(postgres_url, exclusive=True)
        await two.write(claim(two.replica, "1"))
        assert await one.occupied()
        assert await one.read(store.dead_owners) == []
        await two.close()
        assert await one.read(store.dead_owners) == [two.replica]
        assert not await one.occupied()


async def test_nobody_is_dead_to_a_command(sqlite_url: str) -> None:
    """A command beside a running bot cannot know who is dead on SQLite, and names nobody."""
    async with await Database.open(sqlite_url) as beside:
        await beside.write(put(due(0)))
        await beside.write(claim("somebody", "1"))
        assert await beside.read(store.dead_owners) == []


async def test_a_locked_grant_is_skipped_not_waited_for(postgres_url: str) -> None:
    """A claim goes around what a click has locked, and gets it once the click is through."""
    async with await Database.open(postgres_url) as database:
        one, two = due(0), due(1)
        await database.write(put(one, two))
        locked, done = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def click(conn: Connection) -> None:
            store.get_grant(conn, two.id, lock=True)
            loop.call_soon(locked.set)
            while not done.is_set():
                conn.execute(text("SELECT pg_sleep(0.01)"))

        clicking = asyncio.create_task(database.write(click))
        await locked.wait()
        assert await database.write(claim("a", "1")) == [one.id]
        done.set()
        await clicking
        assert await database.write(claim("a", "2")) == [two.id]


async def test_moving_the_clock_moves_what_is_due(database: Database) -> None:
    """Tests move time by the offset on both databases, in the query and in `now` alike."""
    before = await database.read(store.now)
    grant = make_grant(state=State.ACTIVE, next_at=before + HOUR)
    await database.write(put(grant))
    assert await database.write(claim("a", "1")) == []
    database.clock.offset = timedelta(hours=1, minutes=1)
    assert await database.write(claim("a", "1")) == [grant.id]
    moved = await database.read(store.now)
    assert HOUR <= moved - before < HOUR + 2 * MINUTE


async def test_the_lease_is_by_the_database_s_clock(database: Database) -> None:
    """`now` of a claim is aware UTC and close to the process's own on this machine."""
    here = await database.read(store.now)
    assert isinstance(here, datetime)
    assert here.utcoffset() == timedelta(0)
    count = await database.read(lambda conn: len(conn.execute(select(grants.c.id)).all()))
    assert count == 0
