"""Grants, events and notices to store, and the strategies that make up arbitrary ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, insert

from bot.domain.grant import (
    AT_PROVIDER,
    EndReason,
    Extension,
    Grant,
    Kind,
    Order,
    Recipient,
    State,
    Terms,
    altered,
    new_id,
)
from bot.domain.record import Event, EventKind, Notice, NoticeKind
from bot.storage import store
from bot.storage.rows import grant_to_row
from bot.storage.tables import grants

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def make_grant(**changes: object) -> Grant:
    """A pending grant, different in what is named; live ones get the times that they need."""
    grant = Grant(
        id=new_id(),
        resource="prod-db",
        requester="U0DANA",
        reason="stuck order",
        duration=timedelta(minutes=30),
        kind=Kind.STANDARD,
        order=Order(
            provider="orders-pg",
            adapter="postgres",
            params={"roles": ["app_readonly"]},
            person=Recipient("U0DANA", "dana@example.com", "Dana", {"ssh": "dana"}),
        ),
        terms=Terms(1, timedelta(hours=4), timedelta(minutes=5), timedelta(minutes=10), None),
        policy_hash="p" * 64,
        state=State.PENDING,
        created_at=NOON,
        decide_by=NOON + HOUR,
        next_at=NOON + HOUR,
    )
    grant = altered(grant, **changes)  # type: ignore[arg-type]  # a test names what it wants
    if grant.state in AT_PROVIDER and grant.expires_at is None:
        grant = altered(grant, expires_at=NOON + HOUR)
    return grant


def bulk(make: Callable[[int], Grant], count: int, chunk: int = 5000) -> list[list[Grant]]:
    """Many grants, in chunks to insert."""
    return [
        [make(number) for number in range(first, min(first + chunk, count))]
        for first in range(0, count, chunk)
    ]


def insert_bulk(conn: Connection, many: list[Grant]) -> None:
    conn.execute(insert(grants), [grant_to_row(grant) for grant in many])


def put(*many: Grant) -> Callable[[Connection], None]:
    """A transaction that inserts grants."""

    def write(conn: Connection) -> None:
        for grant in many:
            store.insert_grant(conn, grant)

    return write


def make_event(number: int = 0, **changes: object) -> Event:
    event = Event(
        kind=EventKind.GRANT_REQUESTED,
        at=NOON + timedelta(microseconds=number),
        actor="U0DANA",
        data={"number": number},
        texts={"reason": f"because {number}"},
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # a test names what it wants


def make_notice(lane: str, kind: NoticeKind = NoticeKind.THREAD, **data: object) -> Notice:
    return Notice(lane=lane, kind=kind, grant_id="abcd", data=data)


# PostgreSQL holds no NUL in text, and UTF-8 no lone surrogates: the grammar lets neither in.
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40)
times = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-HOUR)]),
)
durations = st.integers(1, 10**8).map(lambda count: timedelta(seconds=count))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
recipients = st.builds(
    Recipient,
    user=texts,
    email=st.none() | texts,
    name=texts,
    names=st.dictionaries(texts, texts, max_size=3),
)
orders = st.builds(
    Order,
    provider=texts,
    adapter=texts,
    params=st.dictionaries(texts, plain, max_size=4),
    person=recipients,
)
terms = st.builds(
    Terms,
    approvals=st.integers(0, 9),
    max_duration=durations,
    warn_before=durations,
    remind_after=durations,
    extend_approvals=st.none() | st.integers(0, 9),
)
votes = st.lists(texts, max_size=3).map(tuple)
extensions = st.builds(
    Extension,
    number=st.integers(1, 99),
    by=durations,
    asked_by=texts,
    asked_at=times,
    reason=texts,
    approvals=st.integers(0, 9),
    votes=votes,
    end=st.none() | times,
)
whole_grants = st.builds(
    Grant,
    id=st.builds(new_id),
    resource=texts,
    requester=texts,
    reason=texts,
    duration=durations,
    kind=st.sampled_from(Kind),
    order=orders,
    terms=terms,
    policy_hash=texts,
    state=st.sampled_from(State),
    created_at=times,
    decide_by=times,
    starts_at=st.none() | times,
    ends_by=st.none() | times,
    started_at=st.none() | times,
    expires_at=times,
    revoking_at=st.none() | times,
    ended_at=st.none() | times,
    end_reason=st.none() | st.sampled_from(EndReason),
    votes=votes,
    extension=st.none() | extensions,
    extensions=st.integers(0, 99),
    held=st.booleans(),
    fact=st.none() | st.builds(new_id),
    native_end=st.none() | times,
    overdue_at=st.none() | times,
    alarms=st.integers(0, 100),
    incident=st.none() | texts,
    version=st.integers(1, 2**31 - 1),
    attempts=st.integers(0, 2**31 - 1),
    next_at=times,
    lease_owner=st.none() | texts,
    lease_token=st.none() | texts,
    unsure_until=st.none() | times,
    last_error=st.none() | texts,
)
