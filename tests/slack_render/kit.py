"""What is sent, checked twice: by the sandbox's table of limits and by blockkit's own rules."""

from collections.abc import Iterable
from typing import Any

import blockkit

from bot.slack.message import Message
from sandbox.validation import check_blocks, check_view

CLASSES: dict[str, type] = {
    "actions": blockkit.Actions,
    "button": blockkit.Button,
    "context": blockkit.Context,
    "datetimepicker": blockkit.DatetimePicker,
    "divider": blockkit.Divider,
    "header": blockkit.Header,
    "home": blockkit.Home,
    "input": blockkit.Input,
    "modal": blockkit.Modal,
    "mrkdwn": blockkit.Text,
    "plain_text": blockkit.Text,
    "plain_text_input": blockkit.PlainTextInput,
    "rich_text": blockkit.RichText,
    "rich_text_preformatted": blockkit.RichTextPreformatted,
    "section": blockkit.Section,
    "static_select": blockkit.StaticSelect,
    "text": blockkit.RichTextEl,
}
UNTYPED: dict[str, type] = {
    "confirm": blockkit.Confirm,
    "options": blockkit.Option,
    "initial_option": blockkit.Option,
    "option_groups": blockkit.OptionGroup,
}
"""Objects that say by their place what they are."""
TEXTS = (blockkit.Text,)


def to_kit(thing: Any, place: str = "") -> Any:  # noqa: ANN401 - JSON goes in, blockkit's classes come out
    """The same in blockkit's classes; an unknown type or key raises."""
    if isinstance(thing, list):
        return [to_kit(part, place) for part in thing]
    if not isinstance(thing, dict):
        return thing
    kind = thing.get("type")
    made = CLASSES[kind] if isinstance(kind, str) else UNTYPED[place]
    keeps_type = made in TEXTS
    if "option_groups" in thing and "initial_option" in thing:
        # blockkit looks for it among the groups instead of in them; it is checked by itself.
        to_kit(thing["initial_option"], "initial_option").build()
        thing = {key: part for key, part in thing.items() if key != "initial_option"}
    parts = {k: to_kit(v, k) for k, v in thing.items() if keeps_type or k != "type"}
    return made(**parts)


def check_message(message: Message) -> None:
    """Fails on anything that Slack would not take."""
    blocks = list(message.blocks)
    assert not check_blocks(blocks)
    assert 1 <= len(message.text) <= 4000
    assert 1 <= len(blocks) <= 50
    blockkit.Message(text=message.text, blocks=to_kit(blocks)).build()


def check_whole_view(view: dict[str, Any]) -> None:
    """Fails on anything that Slack would not take."""
    assert not check_view(view)
    to_kit(view).build()


def texts(thing: object, kind: str) -> Iterable[str]:
    """Every text of `mrkdwn` or `plain_text` in it."""
    if isinstance(thing, dict):
        if thing.get("type") == kind:
            yield str(thing["text"])
        for part in thing.values():
            yield from texts(part, kind)
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from texts(part, kind)


def buttons(message: Message) -> list[str]:
    """The labels of its buttons, in order."""
    return [
        element["text"]["text"]
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]  # type: ignore[attr-defined] # an actions block
    ]
