"""Text from people, made fit to be shown: it cannot ping, format, hide or imitate anything.

Rules kept here: what cannot be seen is taken out or made visible; a cut carries a mark; in mrkdwn
the three characters that Slack reads are escaped, and those that have no escape (`* _ ~` and the
backtick) are shown by look-alikes. Source: Slack's "Formatting text for app surfaces".
"""

import re
import unicodedata
from typing import Final

from markupsafe import Markup

CUT_MARK: Final = "… (cut, whole text in the log)"
NOTHING: Final = "-"
REASON_LIMIT: Final = 1_000
"""Characters of a reason on a card; the block would take 3,000."""
LINE_LIMIT: Final = 200
"""Characters of somebody's text within a line of ours."""
ROWS: Final = 15
"""Lines of a reason on a card."""

DIRECTIONAL: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
JOINERS: Final = frozenset("\u200c\u200d")
"""Some scripts and many emoji need them."""
LOOK_ALIKES: Final = str.maketrans(
    {"*": "\u2217", "~": "\u223c", "`": "\u02cb"},
)
EDGE: Final = re.compile(r"(?<![a-zA-Z0-9])_|_(?![a-zA-Z0-9])")
"""An underscore that could begin or end something; one within a name cannot."""
SHORTCODE: Final = re.compile(r":(?=[a-zA-Z0-9_+'-]{1,100}:)")
_MARK: Final = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
STACKED: Final = re.compile(f"({_MARK}{{4}}){_MARK}+")
"""More marks on one letter than any language has: they would climb over the lines above."""
USER: Final = re.compile(r"[UW][A-Z0-9]{2,30}", re.ASCII)
GROUP: Final = re.compile(r"S[A-Z0-9]{2,30}", re.ASCII)


def visible(text: str) -> str:
    """The text with nothing unseen in it; line breaks stay, marks of direction are spelled out."""
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return STACKED.sub(r"\1", "".join(_seen(character) for character in lines))


def _seen(character: str) -> str:
    if character in DIRECTIONAL:
        return f"[U+{ord(character):04X}]"
    category = unicodedata.category(character)
    if character == "\n" or character in JOINERS:
        return character
    if category == "Cf":
        return ""
    if category in {"Zs", "Zl", "Zp"} or character == "\t":
        return " "
    return "\ufffd" if category in {"Cc", "Cs", "Co", "Cn"} else character


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of it and the mark, where anything was left out."""
    return text if len(text) <= limit else text[:limit].rstrip() + CUT_MARK


def quoted(text: str, limit: int = REASON_LIMIT) -> str:
    """Somebody's words for a plain_text block of their own; never empty."""
    lines = re.sub(r"\n{3,}", "\n\n", visible(text).strip()).split("\n")
    whole = "\n".join(lines[:ROWS]) + (CUT_MARK if len(lines) > ROWS else "")
    return cut(whole, limit) or NOTHING


def inline(text: str, limit: int = LINE_LIMIT) -> str:
    """Somebody's words within a line of ours, not escaped yet."""
    return cut(" ".join(visible(text).split()), limit)


def escaped(text: str) -> Markup:
    """Any text as mrkdwn that shows exactly it and does nothing."""
    tame = EDGE.sub("\uff3f", SHORTCODE.sub("\u2236", visible(text))).translate(LOOK_ALIKES)
    return Markup(_entities(tame))  # noqa: S704 - this is the escaping


def code(text: str) -> Markup:
    """A name or an id in code: nothing is formatted in there, so only its end is kept out."""
    return Markup(f"`{_in_code(inline(text))}`")  # noqa: S704 - escaped just there


def fenced(text: str, limit: int = 1_500) -> Markup:
    """Several lines to paste, as a code block."""
    shown = visible(text).strip()
    bare = _in_code(cut(shown, limit))
    if len(bare) > limit * 2:  # brackets and ampersands take up to five characters each
        bare = _in_code(cut(shown, limit // 3))
    return Markup(f"```\n{bare}\n```")  # noqa: S704 - escaped just there


def _in_code(text: str) -> str:
    return _entities(text.replace("`", "\u02cb")) or NOTHING


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mention(user: str) -> Markup:
    """A person or a user group by id, as Slack shows and notifies them."""
    if USER.fullmatch(user):
        return Markup(f"<@{user}>")  # noqa: S704 - letters and digits only
    if GROUP.fullmatch(user):
        return Markup(f"<!subteam^{user}>")  # noqa: S704 - letters and digits only
    return escaped(inline(user))
