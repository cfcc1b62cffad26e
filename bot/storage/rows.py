"""Records to rows and back. Nothing here knows of connections."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec.json import Decoder
from sqlalchemy import Text, cast

from bot.domain.grant import (
    GRANT_FIELDS,
    EndReason,
    Extension,
    Grant,
    Kind,
    Order,
    State,
    Task,
    Terms,
    differing,
)
from bot.domain.record import EventKind, Notice, NoticeKind, QueuedNotice, SealedEvent
from bot.storage.tables import grants
from bot.storage.types import to_seconds

if TYPE_CHECKING:
    from sqlalchemy import Row

Values = dict[str, object]

ASKED: Final = frozenset(
    {
        "id",
        "resource",
        "requester",
        "reason",
        "kind",
        "order",
        "terms",
        "policy_hash",
        "created_at",
    }
)
"""What was asked for. Written once with the grant and left alone by updates."""

CHANGING: Final = tuple(name for name in GRANT_FIELDS if name not in ASKED)
_AS_TEXT: Final = frozenset({"order", "terms", "votes"})
"""JSON columns that are read as they stand and decoded here."""
GRANT_COLUMNS: Final = tuple(
    cast(grants.c[name], Text).label(name) if name in _AS_TEXT else grants.c[name]
    for name in GRANT_FIELDS
)

_KIND = GRANT_FIELDS.index("kind")
_STATE = GRANT_FIELDS.index("state")
_END_REASON = GRANT_FIELDS.index("end_reason")
_ORDER = GRANT_FIELDS.index("order")
_TERMS = GRANT_FIELDS.index("terms")
_VOTES = GRANT_FIELDS.index("votes")
_EXTENSION = GRANT_FIELDS.index("extension")
_TASK = GRANT_FIELDS.index("task")
_DONE = GRANT_FIELDS.index("done")
_KINDS: Final = {kind.value: kind for kind in Kind}
_STATES: Final = {state.value: state for state in State}
_END_REASONS: Final[dict[str | None, EndReason | None]] = {
    None: None,
    **{reason.value: reason for reason in EndReason},
}
_TASKS: Final[dict[str | None, Task | None]] = {None: None, **{task.value: task for task in Task}}


def _order_to_json(order: Order) -> Values:
    person = order.person
    return {
        "provider": order.provider,
        "adapter": order.adapter,
        "params": order.params,
        "person": {
            "user": person.user,
            "email": person.email,
            "name": person.name,
            "names": dict(person.names),
        },
    }


def _terms_to_json(terms: Terms) -> Values:
    return {
        "approvals": terms.approvals,
        "max_duration": to_seconds(terms.max_duration),
        "warn_before": to_seconds(terms.warn_before),
        "remind_after": to_seconds(terms.remind_after),
        "extend_approvals": terms.extend_approvals,
    }


def _extension_to_json(extension: Extension | None) -> Values | None:
    if extension is None:
        return None
    return {
        "number": extension.number,
        "by": to_seconds(extension.by),
        "asked_by": extension.asked_by,
        "asked_at": extension.asked_at.isoformat(),
        "reason": extension.reason,
        "approvals": extension.approvals,
        "votes": list(extension.votes),
        "end": None if extension.end is None else extension.end.isoformat(),
    }


def changed_columns(before: Grant, after: Grant) -> list[str]:
    """The columns of `CHANGING` in which two states of a grant differ."""
    return [name for name in differing(before, after) if name not in ASKED]


def column_values(grant: Grant, names: Sequence[str]) -> list[object]:
    """What stands in these columns for a grant."""
    return [
        _extension_to_json(grant.extension) if name == "extension" else getattr(grant, name)
        for name in names
    ]


def grant_to_row(grant: Grant) -> Values:
    """All columns, for an insert."""
    values: Values = {name: getattr(grant, name) for name in ASKED}
    values["order"] = _order_to_json(grant.order)
    values["terms"] = _terms_to_json(grant.terms)
    values["provider"] = grant.order.provider
    return values | dict(zip(CHANGING, column_values(grant, CHANGING), strict=True))


_order_from_text: Final = Decoder(Order).decode


@lru_cache(maxsize=1000)
def _terms_from_text(text: str) -> Terms:
    value = json.loads(text)
    return Terms(
        approvals=value["approvals"],
        max_duration=timedelta(seconds=value["max_duration"]),
        warn_before=timedelta(seconds=value["warn_before"]),
        remind_after=timedelta(seconds=value["remind_after"]),
        extend_approvals=value["extend_approvals"],
    )


@lru_cache(maxsize=1000)
def _votes_from_text(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _extension_from_json(value: Mapping[str, Any]) -> Extension:
    end = value["end"]
    return Extension(
        number=value["number"],
        by=timedelta(seconds=value["by"]),
        asked_by=value["asked_by"],
        asked_at=datetime.fromisoformat(value["asked_at"]),
        reason=value["reason"],
        approvals=value["approvals"],
        votes=tuple(value["votes"]),
        end=None if end is None else datetime.fromisoformat(end),
    )


def row_to_grant(row: "Row[Any]") -> Grant:
    """From a row of `GRANT_COLUMNS`. By position: a claim makes hundreds of these."""
    values: list[Any] = list(row)
    values[_KIND] = _KINDS[values[_KIND]]
    values[_STATE] = _STATES[values[_STATE]]
    values[_END_REASON] = _END_REASONS[values[_END_REASON]]
    values[_TASK] = _TASKS[values[_TASK]]
    values[_DONE] = _TASKS[values[_DONE]]
    values[_ORDER] = _order_from_text(values[_ORDER])
    values[_TERMS] = _terms_from_text(values[_TERMS])
    values[_VOTES] = _votes_from_text(values[_VOTES])
    if values[_EXTENSION] is not None:
        values[_EXTENSION] = _extension_from_json(values[_EXTENSION])
    return Grant(*values)


def row_to_event(row: "Row[Any]") -> SealedEvent:
    return SealedEvent(
        seq=row.seq,
        at=row.at,
        kind=EventKind(row.kind),
        actor=row.actor,
        grant_id=row.grant_id,
        body=row.body,
        texts=row.texts or {},
        hash=row.hash,
    )


def row_to_notice(row: "Row[Any]", token: str) -> QueuedNotice:
    return QueuedNotice(
        id=row.id,
        notice=Notice(
            lane=row.lane,
            kind=NoticeKind(row.kind),
            grant_id=row.grant_id,
            data=row.data,
        ),
        created_at=row.created_at,
        attempts=row.attempts,
        # Whoever held it before let the lease lapse: it may have been told.
        unsure=row.unsure or row.lease_owner is not None,
        token=token,
    )


def notice_to_row(notice: Notice) -> tuple[object, ...]:
    """Lane, kind, grant and data of a notice."""
    return notice.lane, notice.kind, notice.grant_id, notice.data
