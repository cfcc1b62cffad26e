"""Why not, and the way out, as it is said to one person in private.

Shown as plain text throughout, because it quotes what was typed. A hint that is a whole `/access`
line stands in a block of its own, exactly as it has to be pasted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from slack_sdk.models.blocks import (
    ContextBlock,
    RichTextBlock,
    RichTextElementParts,
    RichTextPreformattedElement,
    SectionBlock,
)

from bot.domain import durations
from bot.domain.command import Ask, Extend
from bot.domain.errors import RefusalError
from bot.domain.grammar import parse
from bot.domain.line import COMMAND
from bot.slack.message import Message, message, plain
from bot.slack.text import escaped, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bot.domain.command import Command

ID: Final = re.compile(r"(?<![A-Za-z0-9])[UWS][A-Z0-9]{2,30}(?![A-Za-z0-9])", re.ASCII)
LENGTH: Final = re.compile(r"(?:At most |Ask for )?([0-9][0-9smhdw]*)(?: more)?\.?", re.ASCII)
"""The forms in which the rules say how much time would be possible."""

BARE: Final = re.compile(r"[0-9][0-9smhdw]*", re.ASCII)
SHOWN: Final = 1_500
FIELD: Final = 300
"""Characters beside a field of a form."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What to tell somebody. `code` is stable; `hint` is the way out and may be empty."""

    code: str
    message: str
    hint: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one piece, for the place beside a field."""
        return f"{self.message} {self.hint}".strip()[:FIELD]


def trouble_of(error: RefusalError, spoken: Callable[[str], str]) -> Trouble:
    """`spoken` gives names for the ids of people and groups that a hint names."""
    hint = error.hint
    if BARE.fullmatch(hint):
        hint = f"Write {hint}."
    elif not hint.startswith(COMMAND):
        hint = ID.sub(lambda found: spoken(found[0]), hint)
    return Trouble(error.code, visible(error.message), visible(hint))


def corrected(error: RefusalError, command: Command) -> RefusalError:
    """The refusal of a command, with the whole line where only its time has to be another."""
    found = LENGTH.fullmatch(error.hint)
    if found is None or not isinstance(command, Ask | Extend):
        return error
    if isinstance(command, Ask) and command.starts_at is not None:
        return error
    words = ["extend", command.target] if isinstance(command, Extend) else [command.resource]
    line = " ".join([COMMAND, *words, found[1], *command.reason.split()])
    return RefusalError(error.code, error.message, hint=line)


def is_line(hint: str, resources: Collection[str]) -> bool:
    """The hint is a whole line, and no sentence that begins with one."""
    if not hint.startswith(COMMAND):
        return False
    try:
        parse(
            hint.removeprefix(COMMAND),
            resources=resources,
            timezone="UTC",
            now=datetime.now(UTC),
        )
    except RefusalError:
        return False
    return True


def private(trouble: Trouble, resources: Collection[str], *, to_paste: str) -> Message:
    """The message. `to_paste` stands above a line that can be."""
    said = SectionBlock(text=plain(trouble.message, SHOWN))
    text = escaped(f"{trouble.message} {trouble.hint}".strip())
    if not trouble.hint:
        return message(text, [said])
    if is_line(trouble.hint, resources):
        return message(text, [said, _small(to_paste), _as_is(trouble.hint[:SHOWN])])
    return message(text, [said, _small(trouble.hint)])


def _small(text: str) -> ContextBlock:
    return ContextBlock(elements=[plain(text, SHOWN)])


def _as_is(text: str) -> RichTextBlock:
    return RichTextBlock(
        elements=[RichTextPreformattedElement(elements=[RichTextElementParts.Text(text=text)])]
    )


def time_trouble(text: str) -> RefusalError:
    """The refusal of something typed in place of a duration."""
    try:
        durations.parse(text)
    except RefusalError as error:
        meant = durations.suggest(text)
        return RefusalError(error.code, error.message, hint=f"Write {meant or '30m'}.")
    return RefusalError("duration", f"“{durations.shown(text)}” is no time.", hint="Write 30m.")
