"""A message as it is sent, and the small pieces it is made of, each within Slack's limits.

Limits are Slack's reference of blocks and composition objects. What a template says too long is
cut at a blank rather than refused by Slack.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from bot.slack.text import quoted

SECTION: Final = 3_000
FIELD: Final = 2_000
BUTTON: Final = 75
TEXT: Final = 3_900
"""`chat.update` refuses a text of more than 4,000 characters."""
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
ANSWER: Final = 30


@dataclass(frozen=True, slots=True)
class Message:
    """Blocks, and the full text for those who see no blocks."""

    text: str
    blocks: tuple[dict[str, object], ...]

    @property
    def digest(self) -> str:
        """Of what is shown: the same again needs no edit."""
        whole = json.dumps([self.text, self.blocks], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


def message(text: str, blocks: Sequence[Block | None]) -> Message:
    """Put together; blocks that are None are left out."""
    kept = tuple(block.to_dict() for block in blocks if block is not None)
    return Message(fitted(text, TEXT), kept)


def fitted(text: str, limit: int) -> str:
    """Mrkdwn of at most `limit` characters, cut so that no link or mention is cut in two."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    if kept.rfind("<") > kept.rfind(">"):
        return kept[: kept.rfind("<")] + "…"
    return (kept.rpartition(" ")[0].rstrip() or kept) + "…"


def mrkdwn(text: str, limit: int = SECTION) -> MarkdownTextObject:
    """`verbatim`: bare names and addresses in it stay text."""
    return MarkdownTextObject(text=fitted(text, limit), verbatim=True)


def section(text: str) -> SectionBlock | None:
    return SectionBlock(text=mrkdwn(text)) if text else None


def fields(*texts: str) -> SectionBlock | None:
    """Short facts in two columns."""
    shown = [mrkdwn(text, FIELD) for text in texts if text]
    return SectionBlock(fields=shown) if shown else None


def context(*texts: str) -> ContextBlock | None:
    """Small print."""
    shown = [mrkdwn(text) for text in texts if text]
    return ContextBlock(elements=shown) if shown else None


def said(text: str) -> SectionBlock | None:
    """Somebody's own words: plain text, no emoji made of it."""
    return SectionBlock(text=PlainTextObject(text=quoted(text), emoji=False)) if text else None


def plain(text: str, limit: int) -> PlainTextObject:
    return PlainTextObject(
        text=text if len(text) <= limit else text[: limit - 1] + "…", emoji=False
    )


def button(
    action: str,
    label: str,
    value: str,
    *,
    described: str,
    style: str | None = None,
    confirm: ConfirmObject | None = None,
) -> ButtonElement:
    """`described` is for screen readers: which request the button is about."""
    return ButtonElement(
        action_id=action,
        text=plain(label, BUTTON),
        value=value,
        style=style,
        confirm=confirm,
        accessibility_label=described[:BUTTON],
    )


def confirm(title: str, text: str, *, yes: str, no: str) -> ConfirmObject:
    return ConfirmObject(
        title=plain(title, CONFIRM_TITLE),
        text=plain(text, CONFIRM_TEXT),
        confirm=plain(yes, ANSWER),
        deny=plain(no, ANSWER),
        style="danger",
    )


def actions(buttons: Sequence[ButtonElement]) -> ActionsBlock | None:
    return ActionsBlock(elements=list(buttons)) if buttons else None
