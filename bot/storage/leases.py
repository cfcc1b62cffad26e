"""Claims: which grants are due, and whose they are for the next seconds.

A claim is `due_grants` and `lease_grants` in one transaction. Leasing does not change a grant's
version: a click meanwhile does, and then the worker's result no longer fits.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Update,
    bindparam,
    case,
    func,
    select,
    text,
    union,
    union_all,
    update,
)

from bot.domain.grant import Grant
from bot.storage.clock import kept_beginning, kept_now, now_expression, place
from bot.storage.grants import WHOLE
from bot.storage.presence import living, lock_key
from bot.storage.rows import row_to_grant
from bot.storage.sheet import Sheet
from bot.storage.tables import HAS_OWNER, IS_BEGINNING, IS_ENDING, by_index, grants, notices


class Lease(NamedTuple):
    """A grant is `owner`'s until `until`, proven by `token`."""

    grant_id: str
    owner: str
    token: str
    until: datetime
    unsure_until: datetime | None = None


_LEASES: Final = Sheet(
    *(grants.c[name] for name in ("id", "lease_owner", "lease_token", "next_at", "unsure_until"))
)


@cache
def _lease(given: Subquery) -> Update:
    changed = {name: given.c[name] for name in _LEASES.names if name != "id"}
    return update(grants).where(grants.c.id == given.c.id).values(changed)


_ENDS: Final = (IS_ENDING, "grants_due_ends")
_BEGINS: Final = (IS_BEGINNING, "grants_due_begins")

_RENEW: Final = (
    update(grants)
    .where(grants.c.id == bindparam("this_id"))
    .where(grants.c.lease_token == bindparam("token"))
    .values(
        next_at=bindparam("until"),
        # A call that is under way may land for as long as its lease runs.
        unsure_until=case((grants.c.unsure_until.is_not(None), bindparam("until"))),
    )
)


def due_grants(
    conn: Connection, *, ends: bool, limit: int, exclude_providers: Collection[str] = ()
) -> list[Grant]:
    """Grants whose time has come, the longest waiting first, locked for this transaction.

    `ends`: those whose next step takes access away; else those whose next step gives it, or
    closes a request. What another transaction has locked is left out, not waited for.
    """
    now, values = kept_now(conn)
    if exclude_providers:
        values["busy"] = sorted(exclude_providers)
    query = _due(now, ends=ends, excluding=bool(exclude_providers))
    return [row_to_grant(row) for row in conn.execute(query, {**values, "most": limit})]


@cache
def _due(now: ColumnElement[datetime], *, ends: bool, excluding: bool) -> Select[Any]:
    where, index = _ENDS if ends else _BEGINS
    query = (
        by_index(WHOLE, grants, index)
        .where(text(where))
        .where(grants.c.next_at <= now)
        .order_by(grants.c.next_at)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    if excluding:
        query = query.where(grants.c.provider.not_in(bindparam("busy", expanding=True)))
    return query


class Nearest(NamedTuple):
    """When the next live grant wants to be looked at, and whether that is now or past."""

    at: datetime | None
    is_due: bool


def nearest(conn: Connection) -> Nearest:
    """Both in one round trip: mostly nothing is due, and then nothing else need be asked."""
    now, values = kept_now(conn)
    at, is_due = conn.execute(_nearest(now), values).one()
    return Nearest(at, bool(is_due))


@cache
def _nearest(now: ColumnElement[datetime]) -> Select[Any]:
    earliest = _next(None).subquery()
    return select(earliest.c.at, earliest.c.at <= now)


def next_due(conn: Connection) -> datetime | None:
    """When the next live grant falls due, of those whose time had not come at the beginning.

    Of this transaction: one that looks at what is due first misses none that falls due in between.
    """
    begun, values = kept_beginning(conn)
    found: datetime | None = conn.execute(_next(begun), values).scalar()
    return found


@cache
def _next(behind: ColumnElement[datetime] | None) -> Select[Any]:
    """The earliest of all, or of those behind a moment."""
    first = [
        by_index(select(func.min(grants.c.next_at).label("at")), grants, index).where(text(where))
        for where, index in (_ENDS, _BEGINS)
    ]
    if behind is not None:
        first = [query.where(grants.c.next_at > behind) for query in first]
    both = union_all(*first).subquery()
    return select(func.min(both.c.at).label("at"))


def lease_grants(conn: Connection, leases: Iterable[Lease]) -> None:
    """Writes owner and token and moves `next_at` to the lease's end.

    The rows must come from `due_grants`, or be locked, in the same transaction.
    """
    rows = list(leases)
    if rows:
        conn.execute(_lease(_LEASES.of(conn)), _LEASES.given(conn, rows))


def renew_leases(
    conn: Connection, held: Collection[tuple[str, str]], until: datetime
) -> set[tuple[str, str]]:
    """Moves the ends of leases, given as (grant id, token), that are still ours; which are."""
    if not held:
        return set()
    conn.execute(
        _RENEW, [{"this_id": grant, "token": token, "until": until} for grant, token in held]
    )
    query = select(grants.c.id, grants.c.lease_token).where(
        grants.c.id.in_([one for one, _ in held])
    )
    return {(row.id, row.lease_token) for row in conn.execute(query)} & set(held)


def free_leases(conn: Connection, owners: Sequence[str]) -> int:
    """Makes due at once what these owners hold, grants and notices. Only for dead ones."""
    if not owners:
        return 0
    now, nobody = now_expression(conn), {"lease_owner": None, "lease_token": None}
    held = update(grants).where(grants.c.lease_owner.in_(owners))
    untold = update(notices).where(notices.c.lease_owner.in_(owners))
    freed = conn.execute(held.values(**nobody, next_at=now)).rowcount
    # Whoever died may have told it and not recorded it.
    return freed + conn.execute(untold.values(**nobody, next_at=now, unsure=True)).rowcount


def dead_owners(conn: Connection) -> list[str]:
    """Owners of leases that are known to be dead.

    On SQLite everybody but us, when we hold the lock file; on PostgreSQL those whose advisory lock
    nobody holds. Owners that cannot be known are not named: their leases run out by themselves.
    """
    here = place(conn)
    owned = union(
        *(select(table.c.lease_owner).where(text(HAS_OWNER)) for table in (grants, notices))
    )
    owners = sorted(set(conn.execute(owned).scalars()) - {here.replica})
    if conn.dialect.name != "postgresql":
        return owners if here.sole else []
    if not owners:
        return []
    alive = living(conn)
    return [owner for owner in owners if lock_key(owner) not in alive]
