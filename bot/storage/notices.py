"""Notices on disk until they were told. Order is kept within a lane by id."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import (
    Connection,
    Insert,
    Subquery,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from bot.domain.record import AUDIT_LANE, Notice, NoticeKind, QueuedNotice
from bot.storage.rows import notice_to_row, row_to_notice
from bot.storage.sheet import NUMBER, Sheet
from bot.storage.tables import NOT_AUDIT, notices
from bot.storage.types import UtcTime

_EARLIER: Final = notices.alias("earlier")
_IS_FIRST: Final = ~(
    select(_EARLIER.c.id)
    .where(_EARLIER.c.lane == notices.c.lane, _EARLIER.c.id < notices.c.id)
    .exists()
)
_MAY_BE_TOLD: Final = or_(notices.c.unsure, notices.c.lease_owner.is_not(None))
"""Whoever had it before let the lease lapse: it may have been told and not recorded."""
_OTHER_CARDS: Final = (
    delete(notices)
    .where(notices.c.lane == bindparam("this_lane"))
    .where(notices.c.kind == NoticeKind.CARD.value)
    .where(notices.c.id > bindparam("this_id"))
)


_NOW: Final = bindparam("now", type_=UtcTime)
_IS_TO_TELL: Final = (notices.c.next_at <= _NOW) & notices.c.id.not_in(
    bindparam("besides", expanding=True)
)
# By number, not by time: the lane may be long, and only its first row is wanted.
_FIRST_OF_AUDIT: Final = (
    select(notices)
    .where(
        notices.c.id
        == select(func.min(notices.c.id)).where(notices.c.lane == AUDIT_LANE).scalar_subquery(),
        _IS_TO_TELL,
    )
    .with_for_update(skip_locked=True)
)
_FIRST_OF_OTHERS: Final = (
    select(notices)
    .where(text(f"notices.{NOT_AUDIT}"), _IS_TO_TELL, _IS_FIRST)
    .order_by(notices.c.next_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=notices)
)
_LEASE: Final = (
    update(notices)
    .where(notices.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        lease_owner=bindparam("owner"),
        lease_token=bindparam("token"),
        next_at=bindparam("until"),
        unsure=_MAY_BE_TOLD,
    )
)
_FINISH: Final = delete(notices).where(
    notices.c.id == bindparam("this_id"), notices.c.lease_token == bindparam("token")
)
_SHEET: Final = Sheet(
    *(notices.c[name] for name in ("lane", "kind", "grant_id", "data")), name="notices"
)


def insertion(conn: Connection) -> Insert:
    """What `insertion_values` go into; it may be part of another statement."""
    return _insertion(_SHEET.of(conn))


def insertion_values(conn: Connection, news: Sequence[Notice], now: datetime) -> dict[str, object]:
    return {**_SHEET.given(conn, map(notice_to_row, news)), "now": now}


@cache
def _insertion(given: Subquery) -> Insert:
    """Numbers are given out in the order of the rows: it is the order of telling."""
    fresh = {"created_at": _NOW, "next_at": _NOW, "attempts": literal(0), "unsure": literal(False)}
    row = select(*(given.c[name] for name in _SHEET.names), *fresh.values())
    return insert(notices).from_select([*_SHEET.names, *fresh], row.order_by(given.c[NUMBER]))


def add_notices(conn: Connection, news: Sequence[Notice], now: datetime) -> None:
    """Queues notices at the ends of their lanes, in the order given."""
    if news:
        conn.execute(insertion(conn), insertion_values(conn, news, now))


def claim_notices(
    conn: Connection,
    owner: str,
    *,
    token: str,
    now: datetime,
    until: datetime,
    limit: int,
    besides: Collection[int] = (),
) -> list[QueuedNotice]:
    """The first notice of each lane, where its time has come: ours until `until`.

    `besides` are numbers of notices that are left alone, whatever their lease says.

    A card means "bring this card up to date" and is rendered after this claim, so the other cards
    that wait in its lane are covered by it and dropped.
    """
    given = {"now": now, "besides": list(besides)}
    rows = list(conn.execute(_FIRST_OF_AUDIT, given))
    if len(rows) < limit:
        rows += conn.execute(_FIRST_OF_OTHERS, {**given, "most": limit - len(rows)}).all()
    if not rows:
        return []
    lease = {"owner": owner, "token": token, "until": until, "ids": [row.id for row in rows]}
    conn.execute(_LEASE, lease)
    cards = [row for row in rows if row.kind == NoticeKind.CARD]
    if cards:
        conn.execute(_OTHER_CARDS, [{"this_lane": row.lane, "this_id": row.id} for row in cards])
    return [row_to_notice(row, token) for row in rows]


def finish_notice(conn: Connection, notice_id: int, token: str) -> bool:
    """It was told. False when it was no longer ours, and somebody else may tell it again."""
    return conn.execute(_FINISH, {"this_id": notice_id, "token": token}).rowcount == 1


def retry_notice(
    conn: Connection, notice_id: int, token: str, next_at: datetime, *, unsure: bool
) -> bool:
    """It is to be tried again at `next_at`, and holds up its lane until then.

    `unsure` once it may have been told already; that stays. False when it was no longer ours.
    """
    query = (
        update(notices)
        .where(notices.c.id == notice_id, notices.c.lease_token == token)
        .values(
            next_at=next_at,
            attempts=notices.c.attempts + 1,
            unsure=True if unsure else notices.c.unsure,
            lease_owner=None,
            lease_token=None,
        )
    )
    return conn.execute(query).rowcount == 1


def next_notice_due(conn: Connection) -> datetime | None:
    """When to look next: the earliest time of a notice that is first in its lane, about."""
    audit = (
        select(notices.c.next_at)
        .where(notices.c.lane == AUDIT_LANE)
        .order_by(notices.c.id)
        .limit(1)
    )
    others = select(func.min(notices.c.next_at)).where(text(NOT_AUDIT))
    times: list[datetime | None] = [conn.execute(query).scalar() for query in (audit, others)]
    return min((time for time in times if time is not None), default=None)


def notice_backlog(conn: Connection) -> tuple[int, datetime | None]:
    """How many notices wait, and since when the first of them."""
    first = select(notices.c.created_at).order_by(notices.c.id).limit(1).scalar_subquery()
    row = conn.execute(select(func.count(), first).select_from(notices))
    count, oldest = row.one()
    return count, oldest
