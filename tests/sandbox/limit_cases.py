"""Blocks and views just within the limits and just beyond them.

A bad one names who of the two witnesses refuses it too, and where the complaint points to.
"""

from __future__ import annotations

from typing import Any

from tests.sandbox.kit import (
    actions,
    button,
    field,
    home,
    modal,
    mrkdwn,
    option,
    plain,
    section,
)

Json = dict[str, Any]


def confirm(**more: object) -> Json:
    parts = {"title": plain(), "text": plain(), "confirm": plain("Yes"), "deny": plain("No")}
    return {**parts, **more}


def select(**more: object) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option()], **more}


def many(count: int) -> list[Json]:
    return [option(str(number)) for number in range(count)]


def buttons(count: int) -> list[Json]:
    return [button(action_id=f"b{number}") for number in range(count)]


def element(kind: str, **more: object) -> Json:
    return field(element={"type": kind, "action_id": "e", **more})


GOOD: dict[str, Json] = {
    "section": section(),
    "section, longest text": section("x" * 3000),
    "section with fields": {"type": "section", "fields": [mrkdwn("y" * 2000), plain()]},
    "section, ten fields": {"type": "section", "fields": [mrkdwn()] * 10},
    "section with accessory": section(accessory=button()),
    "section with menu": section(accessory=select(placeholder=plain("x" * 150))),
    "header": {"type": "header", "text": plain("x" * 150)},
    "divider": {"type": "divider", "block_id": "x" * 255},
    "context": {"type": "context", "elements": [mrkdwn(), plain()] * 5},
    "actions, most": actions(*buttons(25)),
    "button, longest": actions(
        button("x" * 75, "x" * 255, value="v" * 2000, style="danger", confirm=confirm())
    ),
    "button with label": actions(button(accessibility_label="x" * 75)),
    "menu, most": actions(select(options=many(100))),
    "menu with choice": actions(select(initial_option=option())),
    "menu with groups": actions(
        {
            "type": "static_select",
            "action_id": "s",
            "option_groups": [{"label": plain("x" * 75), "options": many(100)}],
        }
    ),
    "overflow": actions({"type": "overflow", "action_id": "o", "options": many(5)}),
    "radio": actions({"type": "radio_buttons", "action_id": "r", "options": many(10)}),
    "checkboxes": actions({"type": "checkboxes", "action_id": "c", "options": many(10)}),
    "plain input": element("plain_text_input", multiline=True, max_length=3000),
    "number input": element("number_input", is_decimal_allowed=False),
    "e-mail input": element("email_text_input"),
    "url input": element("url_text_input"),
    "date": element("datepicker", initial_date="2026-12-01"),
    "time": element("timepicker", initial_time="22:00"),
    "moment": element("datetimepicker", initial_date_time=1_795_000_000),
    "many choices": element("multi_static_select", options=many(3), max_selected_items=2),
    "person": element("users_select"),
    "markdown": {"type": "markdown", "text": "**bold**"},
}

BOTH, BLOCKKIT, SDK, NOBODY = ("blockkit", "sdk"), ("blockkit",), ("sdk",), ()
BAD: dict[str, tuple[Json, tuple[str, ...], str]] = {
    "section text too long": (section("x" * 3001), BOTH, "/blocks/0/text/text"),
    "empty text": (section(""), BLOCKKIT, "/blocks/0/text/text"),
    "section of nothing": ({"type": "section"}, BOTH, "/blocks/0"),
    "eleven fields": ({"type": "section", "fields": [mrkdwn()] * 11}, SDK, "/blocks/0/fields"),
    "field too long": (
        {"type": "section", "fields": [mrkdwn("x" * 2001)]},
        NOBODY,
        "/blocks/0/fields/0/text",
    ),
    "header too long": ({"type": "header", "text": plain("x" * 151)}, BOTH, "/text/text"),
    "header in mrkdwn": ({"type": "header", "text": mrkdwn()}, BLOCKKIT, "/text/type"),
    "eleven in context": ({"type": "context", "elements": [mrkdwn()] * 11}, BOTH, "/elements"),
    "26 buttons": (actions(*buttons(26)), BOTH, "/blocks/0/elements"),
    "no buttons": ({"type": "actions", "elements": []}, NOBODY, "/blocks/0/elements"),
    "button label too long": (actions(button("x" * 76)), BOTH, "/elements/0/text/text"),
    "button label in mrkdwn": (
        actions({"type": "button", "action_id": "b", "text": mrkdwn()}),
        BLOCKKIT,
        "/elements/0/text/type",
    ),
    "button value too long": (actions(button(value="v" * 2001)), BOTH, "/elements/0/value"),
    "unknown style": (actions(button(style="warning")), BOTH, "/elements/0/style"),
    "action id too long": (actions(button(action_id="x" * 256)), BOTH, "/0/action_id"),
    "block id too long": (section(block_id="x" * 256), BOTH, "/blocks/0/block_id"),
    "spoken label too long": (
        actions(button(accessibility_label="x" * 76)),
        BOTH,
        "/accessibility_label",
    ),
    "confirm title too long": (
        actions(button(confirm=confirm(title=plain("x" * 101)))),
        BOTH,
        "/confirm/title/text",
    ),
    "confirm text too long": (
        actions(button(confirm=confirm(text=plain("x" * 301)))),
        BOTH,
        "/confirm/text/text",
    ),
    "confirm yes too long": (
        actions(button(confirm=confirm(confirm=plain("x" * 31)))),
        BOTH,
        "/confirm/confirm/text",
    ),
    "101 options": (actions(select(options=many(101))), BOTH, "/elements/0/options"),
    "option label too long": (
        actions(select(options=[{"text": plain("x" * 76), "value": "a"}])),
        BLOCKKIT,
        "/options/0/text/text",
    ),
    "option value too long": (
        actions(select(options=[option("x" * 151)])),
        BLOCKKIT,
        "/options/0/value",
    ),
    "six in overflow": (
        actions({"type": "overflow", "action_id": "o", "options": many(6)}),
        BOTH,
        "/elements/0/options",
    ),
    "eleven radio buttons": (
        actions({"type": "radio_buttons", "action_id": "r", "options": many(11)}),
        BLOCKKIT,
        "/elements/0/options",
    ),
    "placeholder too long": (
        actions(select(placeholder=plain("x" * 151))),
        BOTH,
        "/placeholder/text",
    ),
    "choice that is not offered": (
        actions(select(initial_option=option("z"))),
        BLOCKKIT,
        "/initial_option",
    ),
    "label too long": (field("x" * 2001), BOTH, "/label/text"),
    "hint too long": (field(hint=plain("x" * 2001)), BOTH, "/hint/text"),
    "max_length too long": (
        element("plain_text_input", max_length=3001),
        BLOCKKIT,
        "/element/max_length",
    ),
    "emoji in mrkdwn": (
        {"type": "section", "text": mrkdwn(emoji=True)},
        BOTH,
        "additional property: emoji",
    ),
    "verbatim in plain text": (
        {"type": "section", "text": plain(verbatim=True)},
        BOTH,
        "additional property: verbatim",
    ),
    "unknown key": (section(colour="red"), BLOCKKIT, "additional property: colour"),
    "input in actions": (
        actions({"type": "plain_text_input", "action_id": "p"}),
        BLOCKKIT,
        "/elements/0/type",
    ),
    "button in input": (field(element=button()), BOTH, "/element/type"),
}

VIEWS: dict[str, tuple[Json, bool]] = {
    "modal": (modal(), True),
    "home": (home(), True),
    "modal, 100 blocks": (modal(*[section()] * 100), True),
    "modal, longest words": (
        modal(title=plain("x" * 24), submit=plain("x" * 24), close=plain("x" * 24)),
        True,
    ),
    "modal, longest memory": (modal(private_metadata="x" * 3000, callback_id="x" * 255), True),
    "modal title too long": (modal(title=plain("x" * 25)), False),
    "modal without title": ({"type": "modal", "blocks": [section()]}, False),
    "modal, 101 blocks": (modal(*[section()] * 101), False),
    "modal memory too long": (modal(private_metadata="x" * 3001), False),
    "modal callback too long": (modal(callback_id="x" * 256), False),
    "title in mrkdwn": (modal(title=mrkdwn()), False),
    "home with a title": (home() | {"title": plain()}, False),
    "markdown in a modal": (modal({"type": "markdown", "text": "x"}), False),
}
