"""Grants on disk: written, and read by id. Searches are in `searches`, claims in `leases`."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Select,
    Subquery,
    Text,
    Update,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from bot.domain.grant import Grant
from bot.storage.errors import ConflictError, DuplicateError
from bot.storage.rows import (
    CHANGING,
    GRANT_COLUMNS,
    changed_columns,
    column_values,
    grant_to_row,
    row_to_grant,
)
from bot.storage.sheet import Sheet
from bot.storage.tables import grants
from bot.storage.types import UtcTime

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
_BELIEVED: Final[dict[str, Column[Any]]] = {
    "lease_token": Column("believed_token", Text),
    "unsure_until": Column("believed_unsure", UtcTime),
}
"""What may change within a version and matters to who decided by it."""


@lru_cache(maxsize=100)  # there are about twenty sets of columns that acts change together
def _sheet(columns: tuple[str, ...], *, believed: bool) -> Sheet:
    return Sheet(
        *(grants.c[name] for name in ("id", *columns)), *(_BELIEVED.values() if believed else ())
    )


@lru_cache(maxsize=100)
def _update(given: Subquery) -> Update:
    """New versions over the versions before them."""
    query = (
        update(grants)
        .where(grants.c.id == given.c.id, grants.c.version == given.c.version - 1)
        .values({name: given.c[name] for name in CHANGING if name in given.c})
    )
    for name, believed in _BELIEVED.items():
        if believed.name in given.c:
            query = query.where(grants.c[name].is_not_distinct_from(given.c[believed.name]))
    return query


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
    conn: Connection,
    changed: Sequence[Grant],
    *,
    touched: Collection[str] = CHANGING,
    believed: Mapping[str, Grant] | None = None,
) -> None:
    """Writes new versions of grants, each only over the version before it.

    What was asked for (resource, requester, reason, kind, order, terms) is not written again, and
    of the rest only the fields that are `touched`: each costs time, and an indexed one costs most.
    `believed` are the rows as they were read, by id, when they were not locked: one with another
    lease by now, or another call announced, counts as changed.
    Raises ConflictError naming the grants that were no longer at that version, DuplicateError when
    another live grant has the same fact; the transaction is then to be given up.
    """
    if not changed:
        return
    columns = tuple(name for name in CHANGING if name in touched)
    sheet = _sheet(columns, believed=believed is not None)
    rows = ([grant.id, *column_values(grant, columns)] for grant in changed)
    if believed is not None:
        former = (column_values(believed[grant.id], tuple(_BELIEVED)) for grant in changed)
        rows = (row + before for row, before in zip(rows, former, strict=True))
    try:
        written = conn.execute(_update(sheet.of(conn)), sheet.given(conn, rows)).rowcount
    except IntegrityError as error:
        raise _duplicate(error) or error from error
    if written != len(changed):
        raise ConflictError(_missed(conn, changed))


def _missed(conn: Connection, changed: Sequence[Grant]) -> list[str]:
    """Which rows are not what we wrote. The version alone does not tell: theirs may be equal."""
    found = get_grants(conn, [grant.id for grant in changed])
    missed = [
        grant.id
        for grant in changed
        if grant.id not in found or changed_columns(found[grant.id], grant)
    ]
    return missed or [grant.id for grant in changed]


def fetch(
    conn: Connection,
    query: Select[tuple[object, ...]],
    values: Mapping[str, object] | None = None,
) -> list[Grant]:
    """The grants of a query that selects whole rows."""
    return [row_to_grant(row) for row in conn.execute(query, values)]


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
