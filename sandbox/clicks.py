"""The action object of a click: what was used, and what was chosen with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.inputs import VALUE_KEYS
from sandbox.wire import RefusedActError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.wire import Json


def chosen(element: Json, choice: Json, *, at: str) -> Json:
    """The entry of `actions`. RefusedActError when the choice is not among those offered."""
    kind = element["type"]
    action: Json = {
        "type": kind,
        "action_id": element["action_id"],
        "block_id": choice["block_id"],
        "action_ts": at,
    }
    if kind == "button":
        kept = {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        return action | kept
    key = "selected_option" if kind == "overflow" else VALUE_KEYS[kind][0]
    picked = choice.get(key, choice.get("value"))
    if key == "selected_option":
        picked = _option(element, picked)
    elif key == "selected_options":
        picked = [_option(element, one) for one in picked or []]
    return action | {key: picked}


def options(element: Json) -> Iterator[Json]:
    """Everything that the element offers, groups opened."""
    yield from element.get("options", [])
    for group in element.get("option_groups", []):
        yield from group["options"]


def _option(element: Json, picked: object) -> Json:
    value = picked.get("value") if isinstance(picked, dict) else picked
    for option in options(element):
        if option["value"] == value:
            return option
    raise RefusedActError("no_such_option", "This choice is no longer offered.")
