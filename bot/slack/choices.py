"""The choice of a resource in a form, however many there are.

More than a hundred go into groups of a hundred, by name. A menu that asks the bot for its options
as one types would need a round trip for each letter and would be empty while the bot is slow;
the groups need nothing. A view may have 250 kB: above two hundred resources the descriptions are
left out, and above a thousand the name is typed, which `/access list` helps with.
"""

from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import (
    Option,
    OptionGroup,
    PlainTextInputElement,
    StaticSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement

from bot.domain.policy import Resource
from bot.slack.message import plain
from bot.slack.text import inline

GROUP: Final = 100
DESCRIBED: Final = 200
CHOSEN: Final = 1_000
LABEL: Final = 75


def resource_choice(offers: Sequence[Resource], chosen: Resource | None) -> InputInteractiveElement:
    """The input for the resource; `offers` is not empty."""
    if len(offers) > CHOSEN:
        return PlainTextInputElement(
            initial_value=chosen.name if chosen else None, max_length=LABEL
        )
    described = len(offers) <= DESCRIBED
    options = [_option(offer, described=described) for offer in offers]
    first = _option(chosen, described=described) if chosen else None
    if len(options) <= GROUP:
        return StaticSelectElement(options=options, initial_option=first)
    pages = [options[start : start + GROUP] for start in range(0, len(options), GROUP)]
    return StaticSelectElement(
        option_groups=[OptionGroup(label=_span(page), options=page) for page in pages],
        initial_option=first,
    )


def _option(offer: Resource, *, described: bool) -> Option:
    about = inline(offer.about, LABEL * 2) if described else ""
    return Option(
        value=offer.name,
        text=plain(offer.name, LABEL),
        description=plain(about, LABEL) if about else None,
    )


def _span(page: Sequence[Option]) -> str:
    return f"{page[0].value[:34]} … {page[-1].value[:34]}"
