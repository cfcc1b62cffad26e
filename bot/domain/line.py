"""One `/access` line while it is read: what was understood so far, and what is left.

A refusal names what was wrong and, where the right form can be guessed, gives the whole line
corrected; a line so given has been read again before it is offered, and holds.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bot.domain import durations
from bot.domain.errors import RefusalError
from bot.domain.words import Word, escaped, reason_of, take

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from bot.domain.command import Command

COMMAND: Final = "/access"
MENDINGS: Final = 4
"""How many mistakes in one line are corrected together; more is no line to paste."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a line is read against. `read` reads another one; `mendings` bounds the re-reading."""

    resources: Collection[str]
    timezone: str
    now: datetime
    read: Callable[[str, Context], Command]
    mendings: int = MENDINGS


class Line:
    """Gives words from the left. `done` holds those taken, in their right form."""

    def __init__(self, text: str, context: Context) -> None:
        """`text` is what stood behind `/access`, as Slack sent it."""
        self.context = context
        self.done: list[str] = []
        self.rest = text

    def peek(self, ahead: int = 1) -> Word | None:
        """The next word, or the one `ahead` of it, without taking it."""
        word, rest = take(self.rest)
        for _ in range(ahead - 1):
            word, rest = take(rest)
        return word

    def text(self, ahead: int = 1) -> str:
        """The text of the next word or of one after it, empty where there is none."""
        word = self.peek(ahead)
        return "" if word is None else word.text

    def take(self) -> str:
        """Takes the next word, which the caller has seen to be there."""
        text = self.text()
        _, self.rest = take(self.rest)
        self.done.append(text)
        return text

    def reason(self) -> str:
        """All that is left, whole."""
        return reason_of(self.rest)

    def refusal(
        self, code: str, message: str, *, instead: str | None = None, skip: int = 1, hint: str = ""
    ) -> RefusalError:
        """The refusal of the next `skip` words, for which `instead` was probably meant.

        Without `instead` (or when the line would still be wrong) the hint is `hint`.
        """
        if instead is None:
            return RefusalError(code, message, hint=hint)
        rest = self.rest
        for _ in range(skip):
            _, rest = take(rest)
        parts = [*self.done, instead, reason_of(rest)]
        mended = self._mended(" ".join(part for part in parts if part))
        return RefusalError(code, message, hint=mended or hint)

    def unknown(self, code: str, word: str, *, among: Collection[str], what: str) -> RefusalError:
        """The refusal of the next word, with what it resembles."""
        meant = resembling(word, among)
        message = f"“{durations.shown(word)}” is {what}."
        if meant is not None:
            message = f"{message[:-1]}; did you mean “{meant}”?"
        return self.refusal(
            code, message, instead=meant, hint=f"See {COMMAND} list for what you may ask for."
        )

    def _mended(self, text: str) -> str | None:
        """The line to paste, once it reads well (mended further where need be), or None."""
        context = replace(self.context, mendings=self.context.mendings - 1)
        if context.mendings < 0:
            return None
        try:
            context.read(escaped(text), context)
        except RefusalError as error:
            return error.hint if is_line(error.hint) else None
        return f"{COMMAND} {text}"


def is_line(hint: str) -> bool:
    """The hint is a whole line to paste. A sentence that names a command begins otherwise."""
    return hint.startswith(COMMAND)


def resembling(word: str, among: Collection[str]) -> str | None:
    """The one that was probably meant, None when nothing is near."""
    found = difflib.get_close_matches(word[:80], sorted(among), n=1, cutoff=0.6)
    return found[0] if found else None
