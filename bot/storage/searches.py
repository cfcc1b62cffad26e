"""Grants searched for, listed and counted. All of it reads only."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Tuple,
    bindparam,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from bot.domain.grant import Grant, State
from bot.storage.clock import now
from bot.storage.grants import WHOLE, fetch
from bot.storage.tables import IS_EXTENDING, IS_LIVE, IS_OVERDUE, by_index, grants

Position = tuple[datetime, str]
"""Where a list of grants goes on: `created_at` and `id` of the last one shown."""

NEWEST_FIRST: Final = (grants.c.created_at.desc(), grants.c.id.desc())


_PLACE: Final = tuple_(grants.c.created_at, grants.c.id)


def _literal(place: Position) -> Tuple:
    at, last = place
    return tuple_(literal(at, grants.c.created_at.type), literal(last, grants.c.id.type))


def position(grant: Grant) -> Position:
    """Where the list goes on behind this grant."""
    return grant.created_at, grant.id


def find_grants_by_prefix(conn: Connection, prefix: str, limit: int) -> list[Grant]:
    """Grants whose id begins with `prefix` (lower case), in the order of ids."""
    # A range instead of LIKE: the same plan on both databases, and nothing to escape.
    after = grants.c.id >= prefix
    before = grants.c.id < prefix + "\x7f"
    return fetch(conn, WHOLE.where(after, before).order_by(grants.c.id).limit(limit))


_LIVE_PAIR: Final = WHOLE.where(
    grants.c.requester == bindparam("who"), grants.c.resource == bindparam("what")
).where(text(IS_LIVE))
_LIVE_FACT: Final = WHOLE.where(grants.c.fact == bindparam("this_fact")).where(text(IS_LIVE))


def live_grant(conn: Connection, requester: str, resource: str) -> Grant | None:
    """The live grant of a person for a resource: there is one at most."""
    found = fetch(conn, _LIVE_PAIR, {"who": requester, "what": resource})
    return found[0] if found else None


def live_by_fact(conn: Connection, fact: str) -> Grant | None:
    """The live grant that stands for a provider-side fact: there is one at most."""
    found = fetch(conn, _LIVE_FACT, {"this_fact": fact})
    return found[0] if found else None


def list_grants(
    conn: Connection,
    *,
    states: Collection[State] = (),
    requester: str | None = None,
    resource: str | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> list[Grant]:
    """Grants that fit all that is given, newest first, from behind `after` on."""
    wanted: list[ColumnElement[bool]] = []
    if requester is not None:
        wanted.append(grants.c.requester == requester)
    if resource is not None:
        wanted.append(grants.c.resource == resource)
    if after is not None:
        wanted.append(_literal(after) > _PLACE)
    if states and not (requester or resource):
        wanted.append(grants.c.id.in_(_newest_by_state(states, wanted, limit)))
    elif states:
        wanted.append(grants.c.state.in_([state.value for state in states]))
    return fetch(conn, WHOLE.where(*wanted).order_by(*NEWEST_FIRST).limit(limit))


def _newest_by_state(
    states: Iterable[State], wanted: Sequence[ColumnElement[bool]], limit: int
) -> CompoundSelect[tuple[str]]:
    """Enough of each state: an index range each, where one IN would walk or sort all there is."""
    ranges = [
        select(grants.c.id)
        .where(*wanted, grants.c.state == state.value)
        .order_by(*NEWEST_FIRST)
        .limit(limit)
        .subquery()
        for state in states
    ]
    return union_all(*(select(each.c.id) for each in ranges))


def pending_grants(
    conn: Connection, *, after: Position | None = None, limit: int = 200
) -> list[Grant]:
    """Requests that wait for a decision, oldest first, from behind `after` on."""
    return _oldest(conn, "state = 'pending'", "grants_by_state", after, limit)


def extending_grants(
    conn: Connection, *, after: Position | None = None, limit: int = 200
) -> list[Grant]:
    """Active ones with an extension that waits for a decision or is under way, likewise."""
    return _oldest(conn, IS_EXTENDING, "grants_extending", after, limit)


def _oldest(
    conn: Connection, where: str, index: str, after: Position | None, limit: int
) -> list[Grant]:
    query = by_index(WHOLE, grants, index).where(text(where))
    if after is not None:
        query = query.where(_literal(after) < _PLACE)
    return fetch(conn, query.order_by(grants.c.created_at, grants.c.id).limit(limit))


def overdue_grants(conn: Connection, limit: int = 100) -> list[Grant]:
    """Grants whose access is still there past its time, the longest overdue first."""
    query = by_index(WHOLE, grants, "grants_overdue").where(text(IS_OVERDUE))
    return fetch(conn, query.order_by(grants.c.overdue_at).limit(limit))


def live_ids_by_provider(conn: Connection, provider: str) -> dict[str, State]:
    """All live grants of a provider with their states: what the sweep compares with."""
    query = (
        select(grants.c.id, grants.c.state)
        .where(grants.c.provider == provider)
        .where(text(IS_LIVE))
    )
    return {found: State(state) for found, state in conn.execute(query)}


def live_providers(conn: Connection) -> frozenset[str]:
    """The providers that a live grant needs."""
    query = by_index(select(grants.c.provider), grants, "grants_live").distinct()
    query = query.where(text(IS_LIVE))
    return frozenset(conn.execute(query).scalars())


def count_grants(conn: Connection) -> dict[tuple[State, str], int]:
    """How many live grants there are by state and resource. What has ended is not counted."""
    # By provider too: then the groups lie in the index one after the other.
    columns = (grants.c.provider, grants.c.resource, grants.c.state)
    query = by_index(select(*columns, func.count()), grants, "grants_live")
    query = query.where(text(IS_LIVE)).group_by(*columns)
    counted: Counter[tuple[State, str]] = Counter()
    for _, resource, state, number in conn.execute(query):
        counted[State(state), resource] += number
    return dict(counted)


def access_time(conn: Connection, requester: str, resource: str, since: datetime) -> timedelta:
    """How long the person had the resource between `since` and now, all grants together."""
    query = (
        select(grants.c.started_at, grants.c.ended_at)
        .where(grants.c.requester == requester, grants.c.resource == resource)
        .where(grants.c.started_at.is_not(None))
        .where(or_(grants.c.ended_at.is_(None), grants.c.ended_at > since))
    )
    spans: Iterable[tuple[datetime, datetime | None]] = conn.execute(query).all()
    if not spans:
        return timedelta(0)
    here = now(conn)
    nothing = timedelta(0)
    return sum(
        (max(nothing, (end or here) - max(start, since)) for start, end in spans), start=nothing
    )


def last_ended(conn: Connection, requester: str, resource: str) -> datetime | None:
    """When the person's last access to the resource ended; requests without access do not count."""
    query = (
        select(grants.c.ended_at)
        .where(grants.c.requester == requester, grants.c.resource == resource)
        .where(grants.c.started_at.is_not(None), grants.c.ended_at.is_not(None))
        .order_by(grants.c.ended_at.desc())
        .limit(1)
    )
    found: datetime | None = conn.execute(query).scalar()
    return found
