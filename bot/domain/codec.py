"""Grants to JSON values and back, for the audit log and for what the tables keep as JSON.

What people wrote, and who they are beyond their user id, is left out of what is hashed: it stands
in the event's `texts`, from where `bot.domain.replay` puts it back.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from types import NoneType
from typing import Final, get_type_hints

from pydantic import TypeAdapter

from bot.domain.grant import GRANT_FIELDS, Extension, Grant, Order, Recipient

_HINTS: Final = get_type_hints(Grant)
_FIELDS: Final[dict[str, TypeAdapter[object]]] = {
    name: TypeAdapter(_HINTS[name]) for name in GRANT_FIELDS
}
_RECIPIENT: Final = TypeAdapter(Recipient)

_PLAIN: Final = frozenset({str, int, bool, NoneType})
"""Types that are JSON values already."""

REASON: Final = "reason"
PERSON: Final = "person"
EXTENSION_REASON: Final = "extension_reason"


@lru_cache(maxsize=64)  # what is written in one transaction has few times
def _utc_text(at: datetime) -> str:
    return f"{at.replace(tzinfo=None).isoformat()}Z"


def dump_whole(name: str, value: object) -> object:
    """The JSON value of a grant's field, everything in it."""
    # Pydantic's own answers, at a third of their price: these change with each act.
    if isinstance(value, datetime) and value.tzinfo is UTC:
        return _utc_text(value)
    if isinstance(value, StrEnum):
        return value.value
    return _FIELDS[name].dump_python(value, mode="json")


def load_whole(name: str, value: object) -> object:
    """The field's value from its JSON value; what `dump_whole` gave comes back equal."""
    return _FIELDS[name].validate_python(value)


def dump_field(name: str, value: object) -> object:
    """As `dump_whole`, without what belongs into an event's texts."""
    if name == REASON:
        return None
    if type(value) in _PLAIN:
        return value
    dumped = dump_whole(name, value)
    if isinstance(value, Order) and isinstance(dumped, dict):
        return {**dumped, "person": {"user": value.person.user}}
    if isinstance(value, Extension) and isinstance(dumped, dict):
        return {key: item for key, item in dumped.items() if key != "reason"}
    return dumped


def person_text(person: Recipient) -> str:
    """Who the person is, as the text that an event carries beside the chain."""
    return _RECIPIENT.dump_json(person).decode()


def load_person(text: str) -> dict[str, object]:
    """The JSON value of what `person_text` gave."""
    return asdict(_RECIPIENT.validate_json(text))
