"""Grants on disk, on both databases."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, StatementError

from bot.domain.grant import GRANT_FIELDS, LIVE, Grant, State, altered, new_id
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import ConflictError, DuplicateError
from bot.storage.rows import ASKED
from bot.storage.tables import grants
from tests.storage.samples import HOUR, MINUTE, NOON, make_grant, put, whole_grants


def test_every_field_of_a_grant_has_a_column() -> None:
    """Nothing of a grant is forgotten, and only the provider is kept twice."""
    assert {*GRANT_FIELDS} | {"provider"} == set(grants.c.keys())


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(first=whole_grants, second=whole_grants)
async def test_round_trip(database: Database, first: Grant, second: Grant) -> None:
    """Whatever a grant holds comes back equal, and so does any later version of it."""
    # Its own id as resource: the examples share a database and must not be each other's pair.
    first = altered(first, resource=first.id, version=1)
    second = altered(second, **{name: getattr(first, name) for name in ASKED}, version=2)
    await database.write(put(first))
    assert await database.read(lambda conn: store.get_grant(conn, first.id)) == first
    await database.write(lambda conn: store.update_grants(conn, [second]))
    assert await database.read(lambda conn: store.get_grant(conn, first.id)) == second


async def test_times_keep_their_microseconds(database: Database) -> None:
    """A time comes back to the microsecond and in UTC, whatever zone it was given in."""
    at = datetime.fromisoformat("2026-03-29T03:30:00.123457+02:00")
    grant = make_grant(created_at=at)
    await database.write(put(grant))
    found = await database.read(lambda conn: store.get_grant(conn, grant.id))
    assert found is not None
    assert found.created_at.isoformat() == "2026-03-29T01:30:00.123457+00:00"


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    """A naive time is an error, never read as somebody's local time."""
    naive = make_grant(created_at=NOON.replace(tzinfo=None))
    with pytest.raises(StatementError, match="without a zone"):
        await database.write(put(naive))


async def test_a_fraction_of_a_second_is_refused(database: Database) -> None:
    """A duration that would have to be rounded is an error."""
    with pytest.raises(StatementError, match="whole seconds"):
        await database.write(put(make_grant(duration=timedelta(seconds=1, milliseconds=1))))


async def test_one_live_grant_a_pair(database: Database) -> None:
    """A second live grant for the same person and resource is refused, a later one is not."""
    first = make_grant()
    await database.write(put(first))
    with pytest.raises(DuplicateError) as caught:
        await database.write(put(make_grant()))
    assert caught.value.rule == "pair"
    ended = altered(first, state=State.ENDED, ended_at=NOON, next_at=None, version=2)
    await database.write(lambda conn: store.update_grants(conn, [ended]))
    await database.write(put(make_grant()))


async def test_one_live_grant_a_fact(database: Database) -> None:
    """Two people cannot live on the same provider-side fact, neither by insert nor by update."""
    await database.write(put(make_grant(fact="a/b")))
    with pytest.raises(DuplicateError) as caught:
        await database.write(put(make_grant(requester="U0OTHER", fact="a/b")))
    assert caught.value.rule == "fact"
    second = make_grant(requester="U0OTHER")
    await database.write(put(second))
    taken = altered(second, fact="a/b", version=2)
    with pytest.raises(DuplicateError) as caught:
        await database.write(lambda conn: store.update_grants(conn, [taken]))
    assert caught.value.rule == "fact"


async def test_one_grant_an_id(database: Database) -> None:
    """An id is never used twice, not even by an ended grant."""
    first = make_grant(state=State.DENIED)
    await database.write(put(first))
    with pytest.raises(DuplicateError) as caught:
        await database.write(put(altered(first, resource="another")))
    assert caught.value.rule == "id"


@pytest.mark.parametrize(
    "broken",
    [
        {"state": State.ACTIVE, "expires_at": None},
        {"state": State.GRANTING, "expires_at": None},
        {"state": State.REVOKING, "expires_at": None},
        {"state": State.PENDING, "next_at": None},
        {"state": State.REVOKING, "expires_at": NOON, "next_at": None},
        {"duration": timedelta(0)},
    ],
    ids=str,
)
async def test_the_schema_refuses_the_impossible(
    database: Database, broken: dict[str, object]
) -> None:
    """Access without an end and a live grant without a next look cannot be written."""
    with pytest.raises(IntegrityError):
        await database.write(put(altered(make_grant(), **broken)))  # type: ignore[arg-type]


async def test_compare_and_set(database: Database) -> None:
    """Of two new versions made from the same one, the second is refused and nothing is written."""
    one, two = make_grant(), make_grant(resource="other")
    await database.write(put(one, two))
    approved = altered(one, votes=("U0MAYA",), version=2)
    await database.write(lambda conn: store.update_grants(conn, [approved]))
    late = altered(one, votes=("U0LATE",), version=2)
    fine = altered(two, votes=("U0LATE",), version=2)
    with pytest.raises(ConflictError) as caught:
        await database.write(lambda conn: store.update_grants(conn, [fine, late]))
    assert caught.value.ids == (one.id,)
    kept = await database.read(lambda conn: store.get_grants(conn, [one.id, two.id]))
    assert kept == {one.id: approved, two.id: two}


async def test_find_by_prefix(database: Database) -> None:
    """A prefix finds exactly the ids that begin with it, in order, and never more than asked."""
    ids = ["7k3q00000000", "7k3qzzzzzzzz", "7k3r00000000", "7k3p00000000"]
    many = [make_grant(id=one, resource=one) for one in ids]
    await database.write(put(*many))
    found = await database.read(lambda conn: store.find_grants_by_prefix(conn, "7k3q", 5))
    assert [grant.id for grant in found] == ids[:2]
    assert len(await database.read(lambda conn: store.find_grants_by_prefix(conn, "7k", 3))) == 3


async def test_lists_go_on_where_they_ended(database: Database) -> None:
    """Page by page gives each fitting grant once, newest first, equal times included."""
    many = [
        make_grant(
            resource=f"r{number}",
            requester="U0DANA" if number % 3 else "U0ELSE",
            state=State.ENDED if number % 2 else State.PENDING,
            created_at=NOON + timedelta(minutes=number // 4),
        )
        for number in range(40)
    ]
    await database.write(put(*many))
    wanted = sorted(
        (grant for grant in many if grant.requester == "U0DANA" and grant.state is State.ENDED),
        key=store.position,
        reverse=True,
    )
    pages: list[Grant] = []
    after = None
    while page := await database.read(
        lambda conn, after=after: store.list_grants(
            conn, states=[State.ENDED], requester="U0DANA", after=after, limit=4
        )
    ):
        pages += page
        after = store.position(page[-1])
    assert pages == wanted
    assert len(await database.read(lambda conn: store.list_grants(conn, resource="r7"))) == 1


async def test_live_lookups(database: Database) -> None:
    """Live grants are found by pair, fact and provider; ended ones are not."""
    live = make_grant(state=State.ACTIVE, fact="a/b")
    gone = make_grant(state=State.ENDED, resource="old", fact="c/d")
    await database.write(put(live, gone))

    def look(conn: Connection) -> tuple[object, ...]:
        return (
            store.live_grant(conn, "U0DANA", "prod-db"),
            store.live_grant(conn, "U0DANA", "old"),
            store.live_by_fact(conn, "a/b"),
            store.live_by_fact(conn, "c/d"),
            store.live_ids_by_provider(conn, "orders-pg"),
            store.live_providers(conn),
            store.count_grants(conn),
        )

    assert await database.read(look) == (
        live,
        None,
        live,
        None,
        {live.id: State.ACTIVE},
        frozenset({"orders-pg"}),
        {(State.ACTIVE, "prod-db"): 1},
    )


async def test_pending_and_overdue(database: Database) -> None:
    """What waits for a decision and what is still there past its time, oldest first."""
    states = [State.PENDING, State.REVOKING, State.ACTIVE, State.ENDED]
    many = [
        make_grant(
            resource=f"{state}-{number}",
            state=state,
            created_at=NOON - number * MINUTE,
            overdue_at=NOON - number * MINUTE,
        )
        for state in states
        for number in range(2)
    ]
    await database.write(put(*many))
    pending = await database.read(store.pending_grants)
    assert [grant.resource for grant in pending] == ["pending-1", "pending-0"]
    behind = partial(store.pending_grants, after=store.position(pending[0]), limit=1)
    assert await database.read(behind) == pending[1:]
    assert not await database.read(partial(behind, after=store.position(pending[1])))
    overdue = await database.read(store.overdue_grants)
    assert [grant.resource for grant in overdue] == ["revoking-1", "revoking-0"]


async def test_access_time_counts_what_lies_in_the_window(database: Database) -> None:
    """Access before the window does not count, running access counts up to now."""
    now = await database.read(store.now)
    since = now - timedelta(hours=24)
    spans = [
        (since - HOUR, since + HOUR),  # one hour of it lies inside
        (since - 2 * HOUR, since - HOUR),
        (now - 3 * HOUR, now - 2 * HOUR),
        (None, now),  # never had access
    ]
    many = [
        make_grant(state=State.ENDED, started_at=start, ended_at=end, id=new_id())
        for start, end in spans
    ]
    running = make_grant(state=State.ACTIVE, started_at=now - 30 * MINUTE)
    await database.write(put(*many, running, make_grant(resource="other", state=State.ACTIVE)))
    found = await database.read(lambda conn: store.access_time(conn, "U0DANA", "prod-db", since))
    assert timedelta(hours=2, minutes=30) <= found < timedelta(hours=2, minutes=31)


async def test_last_ended_is_of_access_alone(database: Database) -> None:
    """A cooldown counts from the last access, not from a request that came to nothing."""
    had = make_grant(state=State.ENDED, started_at=NOON, ended_at=NOON + HOUR)
    denied = make_grant(state=State.DENIED, ended_at=NOON + 2 * HOUR)
    await database.write(put(had, denied))
    ended = await database.read(lambda conn: store.last_ended(conn, "U0DANA", "prod-db"))
    assert ended == NOON + HOUR
    assert await database.read(lambda conn: store.last_ended(conn, "U0DANA", "none")) is None


async def test_live_states_are_the_domain_s(database: Database) -> None:
    """The partial index covers exactly the states that the domain calls live."""
    for state in State:
        await database.write(put(make_grant(state=state, resource=state.value)))
    counted = await database.read(store.count_grants)
    assert {state for state, _ in counted} == LIVE


@pytest.mark.parametrize(
    ("token", "unsure", "is_another"),
    [("token", NOON, False), ("theirs", NOON, True), (None, NOON, True), ("token", None, True)],
)
async def test_rows_that_were_not_locked(
    database: Database, token: str | None, unsure: datetime | None, *, is_another: bool
) -> None:
    """A renewed lease is still ours; one of somebody else, or another announcement, is not."""
    begun = make_grant(lease_owner="me", lease_token="token", unsure_until=NOON)
    await database.write(put(begun))
    lease = store.Lease(begun.id, "me", str(token), NOON + HOUR, unsure)
    lease = lease._replace(token=token)  # type: ignore[arg-type] # freed ones have none
    await database.write(lambda conn: store.lease_grants(conn, [lease]))
    voted = altered(begun, votes=("U0MAYA",), version=begun.version + 1)
    believed = {begun.id: begun}

    async def write() -> None:
        await database.write(lambda conn: store.update_grants(conn, [voted], believed=believed))

    if is_another:
        with pytest.raises(ConflictError):
            await write()
    else:
        await write()
    found = await database.read(lambda conn: store.get_grant(conn, begun.id))
    assert found is not None
    assert (found.votes == voted.votes) is not is_another


async def test_only_what_changed_is_written(database: Database) -> None:
    """An update leaves alone what was not touched."""
    grant = make_grant(last_error="from before")
    await database.write(put(grant))
    await database.write(
        lambda conn: conn.execute(text("UPDATE grants SET last_error = 'from elsewhere'"))
    )
    voted = altered(grant, votes=("U0MAYA",), version=grant.version + 1)

    touched = {"votes", "version"}
    await database.write(lambda conn: store.update_grants(conn, [voted], touched=touched))

    found = await database.read(lambda conn: store.get_grant(conn, grant.id))
    assert found == altered(voted, last_error="from elsewhere")
