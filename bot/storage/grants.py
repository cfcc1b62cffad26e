"""Grants on disk: writing them and finding them. Claims are in `leases`."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Subquery,
    Update,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from bot.domain.grant import Grant, State, altered
from bot.storage.clock import now
from bot.storage.errors import ConflictError, DuplicateError
from bot.storage.rows import (
    CHANGING,
    GRANT_COLUMNS,
    changed_columns,
    column_values,
    grant_to_row,
    row_to_grant,
)
from bot.storage.sheet import ROWS, Sheet
from bot.storage.tables import IS_LIVE, IS_OVERDUE, grants

Position = tuple[datetime, str]
"""Where a list of grants goes on: `created_at` and `id` of the last one shown."""

# By what each database calls the broken index: SQLite names its columns.
_RULES: Final = {
    "grants_live_pair": "pair",
    "grants_live_fact": "fact",
    "grants_pkey": "id",
    "grants.requester, grants.resource": "pair",
    "grants.fact": "fact",
    "grants.id": "id",
}

WHOLE: Final = select(*GRANT_COLUMNS)
"""What `fetch` makes grants of."""
_ONE: Final = WHOLE.where(grants.c.id == bindparam("this_id"))
_ONE_LOCKED: Final = _ONE.with_for_update()
_LEASED: Final = (
    *(grants.c.id, grants.c.version, grants.c.lease_owner, grants.c.lease_token),
    *(grants.c.next_at, grants.c.unsure_until),
)
_LeaseRow = Row[Any, Any, Any, Any, Any, Any]
NEWEST_FIRST: Final = (grants.c.created_at.desc(), grants.c.id.desc())


@lru_cache(maxsize=100)  # there are about twenty sets of columns that acts change together
def _sheet(columns: tuple[str, ...]) -> Sheet:
    return Sheet(*(grants.c[name] for name in ("id", *columns)))


@lru_cache(maxsize=100)
def _update(given: Subquery) -> Update:
    """New versions over the versions before them."""
    return (
        update(grants)
        .where(grants.c.id == given.c.id, grants.c.version == given.c.version - 1)
        .values({name: given.c[name] for name in CHANGING if name in given.c})
    )


def position(grant: Grant) -> Position:
    """Where the list goes on behind this grant."""
    return grant.created_at, grant.id


def _duplicate(error: IntegrityError) -> DuplicateError | None:
    said = str(error.orig)
    for name, rule in _RULES.items():
        if f'"{name}"' in said or said.endswith(f"failed: {name}"):
            return DuplicateError(rule)
    return None


def insert_grant(conn: Connection, grant: Grant) -> None:
    """Writes a new grant. DuplicateError when a live one has the same pair or fact."""
    try:
        conn.execute(insert(grants), grant_to_row(grant))
    except IntegrityError as error:
        raise _duplicate(error) or error from error


def update_grants(
    conn: Connection, changed: Sequence[Grant], *, before: Mapping[str, Grant] | None = None
) -> None:
    """Writes new versions of grants, each only over the version before it.

    What was asked for (resource, requester, reason, kind, order, terms) is not written again, and
    of the rest only what differs when it is said how the rows are `before`, by id.
    Raises ConflictError naming the grants that were no longer at that version, DuplicateError when
    another live grant has the same fact; the transaction is then to be given up.
    """
    if not changed:
        return
    columns = _columns(changed, before)
    sheet = _sheet(columns)
    rows = ((grant.id, *column_values(grant, columns)) for grant in changed)
    try:
        written = conn.execute(_update(sheet.of(conn)), {ROWS: sheet.text(conn, rows)}).rowcount
    except IntegrityError as error:
        raise _duplicate(error) or error from error
    if written != len(changed):
        raise ConflictError(_missed(conn, changed))


def _columns(changed: Sequence[Grant], before: Mapping[str, Grant] | None) -> tuple[str, ...]:
    """Which columns an update has to write: each costs time, and an indexed one costs most."""
    if before is None:
        return CHANGING
    wanted = {"version"}
    for grant in changed:
        wanted.update(changed_columns(before[grant.id], grant))
    return tuple(name for name in CHANGING if name in wanted)


def _missed(conn: Connection, changed: Sequence[Grant]) -> list[str]:
    """Which rows are not what we wrote. The version alone does not tell: theirs may be equal."""
    found = get_grants(conn, [grant.id for grant in changed])
    missed = [
        grant.id
        for grant in changed
        if grant.id not in found or changed_columns(found[grant.id], grant)
    ]
    return missed or [grant.id for grant in changed]


def fetch(conn: Connection, query: Select[tuple[object, ...]]) -> list[Grant]:
    """The grants of a query that selects whole rows."""
    return [row_to_grant(row) for row in conn.execute(query)]


def get_grant(conn: Connection, grant_id: str, *, lock: bool = False) -> Grant | None:
    """One grant; with `lock` nobody else changes it before this transaction ends."""
    found = conn.execute(_ONE_LOCKED if lock else _ONE, {"this_id": grant_id}).one_or_none()
    return None if found is None else row_to_grant(found)


def get_grants(conn: Connection, ids: Collection[str], *, lock: bool = False) -> dict[str, Grant]:
    """Those that exist, by id. Locked in the order of ids, so that two callers never deadlock."""
    if not ids:
        return {}
    if len(ids) == 1:
        found = get_grant(conn, *ids, lock=lock)
        return {} if found is None else {found.id: found}
    query = WHOLE.where(grants.c.id.in_(sorted(ids))).order_by(grants.c.id)
    if lock:
        query = query.with_for_update()
    return {grant.id: grant for grant in fetch(conn, query)}


def reread_grants(conn: Connection, known: Collection[Grant]) -> dict[str, Grant]:
    """The rows of grants that were read earlier as they are now, by id, locked.

    A version has one content, but for the fields of a lease: only what has another version is
    read whole again.
    """
    ids = sorted(grant.id for grant in known)
    query = select(*_LEASED).where(grants.c.id.in_(ids)).order_by(grants.c.id).with_for_update()
    leases: dict[str, _LeaseRow] = {row.id: row for row in conn.execute(query)}
    same: dict[str, Grant] = {}
    for grant in known:
        row = leases.get(grant.id)
        if row is not None and row.version == grant.version:
            same[grant.id] = _as_leased(grant, row)
    return same | get_grants(conn, leases.keys() - same.keys())


def _as_leased(grant: Grant, row: _LeaseRow) -> Grant:
    lease = (row.lease_owner, row.lease_token, row.next_at, row.unsure_until)
    if lease == (grant.lease_owner, grant.lease_token, grant.next_at, grant.unsure_until):
        return grant
    owner, token, next_at, unsure = lease
    return altered(
        grant, lease_owner=owner, lease_token=token, next_at=next_at, unsure_until=unsure
    )


def find_grants_by_prefix(conn: Connection, prefix: str, limit: int) -> list[Grant]:
    """Grants whose id begins with `prefix` (lower case), in the order of ids."""
    # A range instead of LIKE: the same plan on both databases, and nothing to escape.
    after = grants.c.id >= prefix
    before = grants.c.id < prefix + "\x7f"
    return fetch(conn, WHOLE.where(after, before).order_by(grants.c.id).limit(limit))


def live_grant(conn: Connection, requester: str, resource: str) -> Grant | None:
    """The live grant of a person for a resource: there is one at most."""
    query = WHOLE.where(grants.c.requester == requester, grants.c.resource == resource).where(
        text(IS_LIVE)
    )
    found = fetch(conn, query)
    return found[0] if found else None


def live_by_fact(conn: Connection, fact: str) -> Grant | None:
    """The live grant that stands for a provider-side fact: there is one at most."""
    found = fetch(conn, WHOLE.where(grants.c.fact == fact).where(text(IS_LIVE)))
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
        at, last = after
        here = tuple_(literal(at, grants.c.created_at.type), literal(last, grants.c.id.type))
        wanted.append(tuple_(grants.c.created_at, grants.c.id) < here)
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


def pending_grants(conn: Connection) -> list[Grant]:
    """All that wait for a decision, oldest first."""
    oldest = (grants.c.created_at, grants.c.id)
    return fetch(conn, WHOLE.where(text("state = 'pending'")).order_by(*oldest))


def overdue_grants(conn: Connection, limit: int = 100) -> list[Grant]:
    """Grants whose access is still there past its time, the longest overdue first."""
    query = WHOLE.where(text(IS_OVERDUE)).order_by(grants.c.overdue_at).limit(limit)
    return fetch(conn, query)


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
    query = select(grants.c.provider).where(text(IS_LIVE)).distinct()
    return frozenset(conn.execute(query).scalars())


def count_grants(conn: Connection) -> dict[tuple[State, str], int]:
    """How many live grants there are by state and resource. What has ended is not counted."""
    # By provider too: then the groups lie in the index one after the other.
    columns = (grants.c.provider, grants.c.resource, grants.c.state)
    query = select(*columns, func.count()).where(text(IS_LIVE)).group_by(*columns)
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
