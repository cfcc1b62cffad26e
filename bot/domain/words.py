"""A line from Slack, word by word: its escapes undone, unseen characters and quotes taken off.

Words are read without what cannot be seen or was put around them; a reason is kept whole, with
only Slack's own escapes undone.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

QUOTES: Final = "\"'`“”‘’„‚«»‹›"  # noqa: RUF001 - these are what phones and editors put in
TOKEN: Final = re.compile(r"<([@#!]?)([^<>|\s]+)(?:\|([^<>]*))?>")
ENTITY: Final = re.compile(r"&(amp|lt|gt);")
ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">"}
WORD: Final = re.compile(r"\s*(<[@#!]?[^<>|\s]+(?:\|[^<>]*)?>|\S+)")
USER: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>", re.ASCII)
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""What no database takes: NUL (PostgreSQL), and halves of surrogate pairs, which JSON and a command
line can spell and UTF-8 cannot."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `text` is in lower case; `user` is the id when it is a mention of a person."""

    text: str
    user: str | None = None


def kept(text: str) -> str:
    """The text as it can be written down; a sign stands for each character that cannot."""
    return UNSTORABLE.sub("\ufffd", text)


def take(line: str) -> tuple[Word | None, str]:
    """The first word that has anything to see, and the line after it."""
    rest = line
    while (found := WORD.match(rest)) is not None:
        rest = rest[found.end() :]
        mention = USER.fullmatch(found[1])
        if mention is not None:
            label = "".join(plain(found[1]).split())
            return Word(label.lower(), mention[1]), rest
        text = _bare(found[1])
        if text:
            return Word(text), rest
    return None, ""


def plain(text: str) -> str:
    """Slack's escapes undone: mentions, channels and links as they are read, `&amp;` as `&`."""
    pieces = []
    end = 0
    for token in TOKEN.finditer(text):
        pieces += [_unescape(text[end : token.start()]), _unescape(_spoken(token))]
        end = token.end()
    pieces.append(_unescape(text[end:]))
    return kept("".join(pieces))


def reason_of(line: str) -> str:
    """The rest of a line as a reason: whole, without blanks around; empty if nothing is seen."""
    reason = plain(line).strip()
    return reason if any(_seen(c) and c not in QUOTES for c in reason) else ""


def escaped(text: str) -> str:
    """As Slack sends what a person typed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _bare(raw: str) -> str:
    token = TOKEN.fullmatch(raw)
    # Slack makes links of words like `orders.db`; the label is what was typed.
    typed = token[3] if token is not None and not token[1] and token[3] else raw
    return "".join(c for c in plain(typed) if _seen(c)).strip(QUOTES).lower()


def _seen(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in {"Cf", "Cc", "Cs"}


def _unescape(text: str) -> str:
    return ENTITY.sub(lambda found: ENTITIES[found[1]], text)


def _spoken(token: re.Match[str]) -> str:
    sign, target, label = token[1], token[2], token[3]
    if sign in {"@", "#"}:
        return sign + (label or target).removeprefix(sign)
    if sign == "!":
        return label or "@" + target.rpartition("^")[2]
    if ":" not in target:
        return token[0]  # angle brackets of the writer's own
    if not label or target.endswith(label):
        return label if label and target.startswith(("mailto:", "tel:")) else target
    return f"{label} ({target})"
