"""What people type and choose in forms.

The shape of `state.values`, and what Slack's own client refuses before an app hears of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.wire import Json

VALUE_KEYS = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
"""Element type: the key of what was chosen, and of what the app filled in beforehand."""

_MANY = ("multi_static_select", "checkboxes", "multi_users_select")


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block it stands in."""
    for block in blocks:
        inside = [*block.get("elements", [])] if block.get("type") == "actions" else []
        inside += [block[key] for key in ("accessory", "element") if key in block]
        for element in inside:
            yield block, element


def find_element(blocks: list[Json], block_id: str, action_id: str) -> Json | None:
    """The element of those ids."""
    for block, element in elements(blocks):
        if block.get("block_id") == block_id and element.get("action_id") == action_id:
            return element
    return None


def initial_values(blocks: list[Json]) -> Json:
    """`state.values` of a form that nobody has touched."""
    values: Json = {}
    for block, element in elements(blocks):
        keys = VALUE_KEYS.get(element.get("type", ""))
        if keys is None:
            continue
        empty: list[Json] | None = [] if element["type"] in _MANY else None
        value: Json = {"type": element["type"], keys[0]: element.get(keys[1], empty)}
        values.setdefault(block["block_id"], {})[element["action_id"]] = value
    return values


def merged(blocks: list[Json], *layers: Json) -> Json:
    """The untouched values with what was typed laid over; fields that are gone are dropped."""
    values = initial_values(blocks)
    for layer in layers:
        for block_id, fields in layer.items():
            for action_id, value in fields.items():
                if action_id in values.get(block_id, {}):
                    kind = values[block_id][action_id]
                    values[block_id][action_id] = {**kind, **value, "type": kind["type"]}
                    _blank_is_null(values[block_id][action_id])
    return values


def _blank_is_null(value: Json) -> None:
    if value.get("value") == "":
        value["value"] = None


def complaints(blocks: list[Json], values: Json) -> dict[str, str]:
    """What Slack's client says beside each field that cannot be sent; empty when all is well."""
    found = {}
    for block, element in elements(blocks):
        if block.get("type") != "input":
            continue
        keys = VALUE_KEYS.get(element.get("type", ""))
        if keys is None:
            continue
        value = values.get(block["block_id"], {}).get(element["action_id"], {}).get(keys[0])
        if complaint := _complaint(block, element, value):
            found[block["block_id"]] = complaint
    return found


def _complaint(block: Json, element: Json, value: object) -> str | None:
    if value is None or value in ("", []):
        return None if block.get("optional") else "Please complete this required field."
    match element["type"]:
        case "plain_text_input":
            return _length(element, str(value))
        case "number_input":
            return _number(element, str(value))
        case "email_text_input" if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(value)):
            return "Enter a valid e-mail address."
        case "url_text_input" if not re.match(r"https?://\S+$", str(value)):
            return "Enter a valid URL."
        case _:
            return None


def _length(element: Json, text: str) -> str | None:
    if len(text) < element.get("min_length", 0):
        return f"Enter at least {element['min_length']} characters."
    if len(text) > element.get("max_length", 3000):
        return f"Enter at most {element.get('max_length', 3000)} characters."
    return None


def _number(element: Json, text: str) -> str | None:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, text):
        return "Enter a valid number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(text) < float(low):
        return f"Enter a number of at least {low}."
    if high is not None and float(text) > float(high):
        return f"Enter a number of at most {high}."
    return None
