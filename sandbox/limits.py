"""What Block Kit allows, as a table: which blocks and elements where, how long, how many.

Source: Slack's reference of blocks, elements, composition objects and views. Block types that the
sandbox does not show (video, file, table and the newest ones) are refused, so that nobody believes
to have tried them here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sandbox.rules import (
    any_of,
    anything,
    both,
    choice,
    flag,
    items,
    kinds,
    preset,
    shape,
    string,
    unique,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.rules import Rule

Surface = Literal["message", "modal", "home"]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
MARKDOWN_TOTAL = 12_000

# --- composition objects ----------------------------------------------------------------------


def plain(most: int) -> Rule:
    """A plain_text object."""
    return shape({"type": choice("plain_text"), "text": string(most, least=1)}, {"emoji": flag})


def text(most: int) -> Rule:
    """A plain_text or mrkdwn object."""
    mrkdwn = shape({"type": choice("mrkdwn"), "text": string(most, least=1)}, {"verbatim": flag})
    return kinds({"plain_text": plain(most), "mrkdwn": mrkdwn})


ID = string(255, least=1)
TYPE = {"type": anything}
CONFIRM = shape(
    {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
    {"style": choice("primary", "danger")},
)


def option(words: Rule, more: Mapping[str, Rule] | None = None) -> Rule:
    """One thing to choose; `words` is the rule for its label and its description."""
    parts = {"text": words, "value": string(150, least=1)}
    return shape(parts, {"description": words, **(more or {})})


PLAIN_OPTION = option(plain(75))
RICH_OPTION = option(text(75))
OVERFLOW_OPTION = option(plain(75), {"url": string(3000)})
GROUP = shape({"label": plain(75), "options": items(PLAIN_OPTION, most=100)})
DISPATCH = shape(
    {}, {"trigger_actions_on": items(choice("on_enter_pressed", "on_character_entered"), most=2)}
)

# --- elements ---------------------------------------------------------------------------------

COMMON: dict[str, Rule] = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": flag}
PICKER: dict[str, Rule] = {**COMMON, "placeholder": plain(150)}
TYPED: dict[str, Rule] = {
    "action_id": ID,
    "focus_on_load": flag,
    "placeholder": plain(150),
    "dispatch_action_config": DISPATCH,
}
MANY: dict[str, Rule] = {"max_selected_items": whole(1, 10_000)}


def _select(more: Mapping[str, Rule]) -> Rule:
    return shape(TYPE, {**PICKER, **more})


def _menu(more: Mapping[str, Rule]) -> Rule:
    groups = items(GROUP, most=100)
    listed = {"options": items(PLAIN_OPTION, most=100), "option_groups": groups}
    parts = shape(TYPE, {**PICKER, **listed, **more})
    return both(parts, any_of("options", "option_groups"), preset)


def _choices(more: Mapping[str, Rule]) -> Rule:
    parts = shape({**TYPE, "options": items(RICH_OPTION, most=10)}, {**COMMON, **more})
    return both(parts, preset)


ELEMENTS: dict[str, Rule] = {
    "button": shape(
        {**TYPE, "text": plain(75)},
        {
            "action_id": ID,
            "url": string(3000),
            "value": string(2000),
            "style": choice("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
        },
    ),
    "checkboxes": _choices({"initial_options": items(RICH_OPTION, most=10)}),
    "radio_buttons": _choices({"initial_option": RICH_OPTION}),
    "overflow": shape(
        {**TYPE, "options": items(OVERFLOW_OPTION, most=5)},
        {"action_id": ID, "confirm": CONFIRM},
    ),
    "static_select": _menu({"initial_option": PLAIN_OPTION}),
    "multi_static_select": _menu({"initial_options": items(PLAIN_OPTION, most=100), **MANY}),
    "users_select": _select({"initial_user": string(255)}),
    "multi_users_select": _select({"initial_users": items(string(255), most=100), **MANY}),
    "conversations_select": _select(
        {
            "initial_conversation": string(255),
            "default_to_current_conversation": flag,
            "response_url_enabled": flag,
            "filter": anything,
        }
    ),
    "channels_select": _select({"initial_channel": string(255), "response_url_enabled": flag}),
    "datepicker": _select({"initial_date": string(10, least=10)}),
    "timepicker": _select({"initial_time": string(5, least=5), "timezone": string(255)}),
    "datetimepicker": shape(TYPE, {**COMMON, "initial_date_time": whole(10**9, 10**10 - 1)}),
    "plain_text_input": shape(
        TYPE,
        {
            **TYPED,
            "initial_value": string(3000),
            "multiline": flag,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
        },
    ),
    "email_text_input": shape(TYPE, {**TYPED, "initial_value": string(3000)}),
    "url_text_input": shape(TYPE, {**TYPED, "initial_value": string(3000)}),
    "number_input": shape(
        {**TYPE, "is_decimal_allowed": flag},
        {
            **TYPED,
            "initial_value": string(255),
            "min_value": string(255),
            "max_value": string(255),
        },
    ),
    "image": both(
        shape(
            {**TYPE, "alt_text": string(2000)},
            {"image_url": string(3000, least=1), "slack_file": anything},
        ),
        any_of("image_url", "slack_file"),
    ),
}

_TYPED_NAMES = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}


def _elements(*names: str) -> dict[str, Rule]:
    return {name: ELEMENTS[name] for name in names}


_IN_ACTIONS = {n: r for n, r in ELEMENTS.items() if n not in _TYPED_NAMES | {"image"}}
_IN_SECTION = {n: r for n, r in ELEMENTS.items() if n not in _TYPED_NAMES | {"datetimepicker"}}
_IN_INPUT = {n: r for n, r in ELEMENTS.items() if n not in ("button", "overflow", "image")}
_IN_CONTEXT = {"mrkdwn": text(3000), "plain_text": text(3000), **_elements("image")}

# --- blocks -----------------------------------------------------------------------------------

BLOCK: dict[str, Rule] = {"block_id": string(255)}
_RICH = items(
    kinds(
        dict.fromkeys(
            ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"),
            anything,
        )
    ),
    most=1000,
    least=0,
)

BLOCKS: dict[str, Rule] = {
    "section": both(
        shape(
            TYPE,
            {
                **BLOCK,
                "text": text(3000),
                "fields": items(text(2000), most=10),
                "accessory": kinds(_IN_SECTION),
                "expand": flag,
            },
        ),
        any_of("text", "fields"),
    ),
    "header": shape({**TYPE, "text": plain(150)}, BLOCK),
    "divider": shape(TYPE, BLOCK),
    "context": shape({**TYPE, "elements": items(kinds(_IN_CONTEXT), most=10)}, BLOCK),
    "actions": shape(
        {**TYPE, "elements": both(items(kinds(_IN_ACTIONS), most=25), unique("action_id"))}, BLOCK
    ),
    "image": both(
        shape(
            {**TYPE, "alt_text": string(2000)},
            {
                **BLOCK,
                "image_url": string(3000, least=1),
                "slack_file": anything,
                "title": plain(2000),
            },
        ),
        any_of("image_url", "slack_file"),
    ),
    "input": shape(
        {**TYPE, "label": plain(2000), "element": kinds(_IN_INPUT)},
        {**BLOCK, "hint": plain(2000), "optional": flag, "dispatch_action": flag},
    ),
    "rich_text": shape({**TYPE, "elements": _RICH}, BLOCK),
    "markdown": shape({**TYPE, "text": string(MARKDOWN_TOTAL, least=1)}, BLOCK),
}

_EVERYWHERE = {name: rule for name, rule in BLOCKS.items() if name != "markdown"}
SURFACES: dict[Surface, dict[str, Rule]] = {
    "message": BLOCKS,
    "modal": _EVERYWHERE,
    "home": _EVERYWHERE,
}
