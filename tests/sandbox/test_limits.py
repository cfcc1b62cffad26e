"""The table of limits beside two independent ones: the blockkit package and slack_sdk's models."""

from __future__ import annotations

import copy
from typing import Any

import blockkit
import pytest
from blockkit.core import Component
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from sandbox.validation import check_blocks, check_view
from tests.sandbox.kit import (
    actions,
    button,
    field,
    modal,
    section,
)
from tests.sandbox.limit_cases import BAD, GOOD, VIEWS

Json = dict[str, Any]

CLASSES: dict[str, type[Component]] = {
    "section": blockkit.Section,
    "header": blockkit.Header,
    "divider": blockkit.Divider,
    "context": blockkit.Context,
    "actions": blockkit.Actions,
    "input": blockkit.Input,
    "markdown": blockkit.Markdown,
    "button": blockkit.Button,
    "static_select": blockkit.StaticSelect,
    "multi_static_select": blockkit.MultiStaticSelect,
    "users_select": blockkit.UsersSelect,
    "overflow": blockkit.Overflow,
    "radio_buttons": blockkit.RadioButtons,
    "checkboxes": blockkit.Checkboxes,
    "plain_text_input": blockkit.PlainTextInput,
    "number_input": blockkit.NumberInput,
    "email_text_input": blockkit.EmailInput,
    "url_text_input": blockkit.UrlInput,
    "datepicker": blockkit.DatePicker,
    "timepicker": blockkit.TimePicker,
    "datetimepicker": blockkit.DatetimePicker,
    "plain_text": blockkit.Text,
    "mrkdwn": blockkit.Text,
    "modal": blockkit.Modal,
    "home": blockkit.Home,
}
SPREAD = {"elements", "fields", "options", "option_groups", "initial_options", "blocks"}


def as_blockkit(value: object, key: str = "") -> object:
    """The same thing in blockkit's classes; what they cannot take raises."""
    if isinstance(value, list):
        return [as_blockkit(item, key) for item in value]
    if not isinstance(value, dict):
        return value
    kind: type[Component]
    if "type" in value:
        kind = CLASSES[value["type"]]
    else:
        kind = {"confirm": blockkit.Confirm, "option_groups": blockkit.OptionGroup}.get(
            key, blockkit.Option
        )
    made = kind()
    for name, part in sorted(value.items()):  # blockkit guesses a text's type: ours comes after
        if name == "type" and kind is not blockkit.Text:
            continue
        inner = as_blockkit(part, name)
        setter = getattr(made, name)
        if name in SPREAD and isinstance(inner, list):
            setter(*inner)
        else:
            setter(inner)
    return made


def blockkit_refuses(thing: Json) -> bool:
    try:
        made = as_blockkit(thing)
        assert isinstance(made, Component)
        made.build()  # type: ignore[no-untyped-call] # blockkit leaves it bare
    except Exception:  # noqa: BLE001 - any refusal counts: it raises four unrelated kinds
        return True
    return False


def sdk_refuses(block: Json) -> bool:
    try:
        parsed = Block.parse(copy.deepcopy(block))
        assert parsed is not None
        parsed.to_dict()
    except (SlackObjectFormationError, TypeError):
        return True
    return False


@pytest.mark.parametrize("name", GOOD)
def test_all_three_take_what_is_right(name: str) -> None:
    """What Slack takes, the table, blockkit and the SDK's models take."""
    assert check_blocks([GOOD[name]]) == []
    assert not blockkit_refuses(GOOD[name])
    assert not sdk_refuses(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_the_table_refuses_what_is_wrong(name: str) -> None:
    """What Slack refuses is refused with a pointer to the place, and the witnesses agree."""
    block, witnesses, where = BAD[name]
    complaints = check_blocks([block])
    assert any(where in complaint for complaint in complaints), complaints
    assert blockkit_refuses(block) == ("blockkit" in witnesses)
    assert sdk_refuses(block) == ("sdk" in witnesses)


def test_a_message_holds_fifty_blocks() -> None:
    """The 51st block is refused, which neither blockkit nor the SDK see."""
    assert check_blocks([{"type": "divider"}] * 50) == []
    assert check_blocks([{"type": "divider"}] * 51) == [
        "no more than 50 items allowed [json-pointer:/blocks]"
    ]


def test_ids_are_unique() -> None:
    """A block id stands once in a message, an action id once in a block."""
    twice = [section(block_id="b"), section(block_id="b")]
    assert check_blocks(twice) == ["`block_id` b already exists [json-pointer:/blocks/1/block_id]"]
    (complaint,) = check_blocks([actions(button(), button("Deny"))])
    assert "`action_id` approve already exists" in complaint
    assert check_blocks([actions(button(), button("Deny", "deny")), actions(button())]) == []


def test_markdown_counts_over_all_blocks() -> None:
    """12,000 characters of markdown are the limit of a whole message."""
    block = {"type": "markdown", "text": "x" * 6000}
    assert check_blocks([block, block]) == []
    assert check_blocks([block, block, {"type": "markdown", "text": "x"}]) != []


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_measured_too(name: str) -> None:
    """The table and blockkit agree on which modals and Home tabs can be shown."""
    view, is_good = VIEWS[name]
    assert (check_view(view) == []) is is_good
    assert blockkit_refuses(view) is not is_good


def test_a_form_needs_a_submit_button() -> None:
    """A modal with an input and no `submit` is refused."""
    view = modal(field())
    del view["submit"]
    assert check_view(view) == ["missing required field: submit [json-pointer:/view]"]


@pytest.mark.parametrize(
    "thing", [None, 3, "blocks", [None], [[]], [{}], [{"type": ["section"]}], [{"type": "video"}]]
)
def test_nonsense_is_refused_without_a_crash(thing: object) -> None:
    """Whatever JSON an app sends, the answer is a list of complaints."""
    assert check_blocks(thing)
    assert check_view(thing)
