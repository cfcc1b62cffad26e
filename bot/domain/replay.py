"""A grant's events played again give its row: the definition of a complete log."""

import json
from collections.abc import Iterable

from msgspec import NODEFAULT
from msgspec.structs import fields

from bot.domain.codec import EXTENSION_REASON, PERSON, REASON, load_person, load_whole
from bot.domain.errors import ProgramError
from bot.domain.grant import OPERATIONAL, Grant
from bot.domain.record import SealedEvent

ERASED = "(erased)"


def replay(events: Iterable[SealedEvent]) -> Grant:
    """The grant as its events tell it, operational fields at their defaults.

    Texts that were erased since read `(erased)`.
    """
    values: dict[str, object] = {}
    texts: dict[str, str] = {}
    for event in events:
        values.update(json.loads(event.body)["data"].get("changes", {}))
        texts.update({name: entry["text"] for name, entry in event.texts.items()})
    if not values:
        raise ProgramError("no event of this grant changes anything")
    return Grant(**_loaded(_with_texts(values, texts)))  # type: ignore[arg-type] # checked by load


def _with_texts(values: dict[str, object], texts: dict[str, str]) -> dict[str, object]:
    order = values["order"]
    if isinstance(order, dict) and PERSON in texts:
        order = {**order, "person": load_person(texts[PERSON])}
    extension = values.get("extension")
    if isinstance(extension, dict):
        extension = {**extension, "reason": texts.get(EXTENSION_REASON, ERASED)}
    return {
        **values,
        "order": order,
        "extension": extension,
        "reason": texts.get(REASON, ERASED),
    }


def _loaded(values: dict[str, object]) -> dict[str, object]:
    return {
        field.name: load_whole(field.name, values[field.name])
        for field in fields(Grant)
        if field.name not in OPERATIONAL and (field.name in values or field.default is NODEFAULT)
    }
