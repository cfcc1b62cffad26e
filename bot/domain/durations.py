"""How long: what people type, and how it is said back.

One form is read: whole numbers with the units `w d h m s`, in that order, each once (`1h30m`).
Everything else is refused with the form that was probably meant; nothing is guessed silently.
Wrong input raises `RefusalError` with the code `duration`, whose hint is a form that parses.
"""

import re
import unicodedata
from datetime import timedelta
from fractions import Fraction
from typing import Final

from bot.domain.errors import RefusalError

SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(days=3660)
"""Ten years: far above any sensible grant, far below what a date can hold."""

UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""Seconds in each unit, the longest first."""

DIGITS: Final = 9
"""More digits than this exceed `LONGEST` in any unit."""

FORM: Final = re.compile(
    "".join(f"(?:([0-9]{{1,{DIGITS}}}){unit})?" for unit in UNITS), re.ASCII | re.IGNORECASE
)
ATTEMPT: Final = re.compile(r"[+-]?[0-9][0-9.,_]*(?:e[+-]?[0-9]+)?[smhdw]", re.IGNORECASE)
PIECE: Final = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,9})?)([a-z]+)")

SPELLINGS: Final = {
    "w": ("w", "wk", "wks", "week", "weeks"),
    "d": ("d", "day", "days"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
UNIT_OF: Final = {word: unit for unit, words in SPELLINGS.items() for word in words}
HUMAN: Final = {"d": "d", "h": "h", "m": "min", "s": "s"}


def parse(text: str) -> timedelta:
    """The length of `90s`, `30m`, `1h30m`, `2d`, `1w`; between `SHORTEST` and `LONGEST`.

    Raises `RefusalError` (code `duration`) for anything else.
    """
    found = FORM.fullmatch(text)
    if found is None or not text:
        meant = suggest(text)
        raise RefusalError(
            "duration",
            f"“{shown(text)}” is not a duration: they look like 90s, 30m, 1h30m or 2d.",
            hint=meant or "30m",
        )
    seconds = sum(
        int(count) * size
        for count, size in zip(found.groups(), UNITS.values(), strict=True)
        if count is not None
    )
    if seconds < SHORTEST.total_seconds():
        raise RefusalError("duration", "The shortest duration is 1 second.", hint="1s")
    if seconds > LONGEST.total_seconds():
        raise RefusalError(
            "duration",
            f"“{shown(text)}” is longer than anything that can be asked for.",
            hint=compact(LONGEST),
        )
    return timedelta(seconds=seconds)


def is_attempt(word: str) -> bool:
    """Somebody meant a duration by this word, rightly written or not.

    True for a number followed by a letter of `s m h d w`; signs, decimals, exponents and digits
    of other scripts count too, so that `-5m` and `1.5h` are answered and not read as a reason.
    A bare number is none: `500 errors` is a reason.
    """
    return ATTEMPT.match(unicodedata.normalize("NFKC", word)) is not None


def suggest(text: str) -> str | None:
    """The form that was probably meant (`30min` gives `30m`, `5m1h` gives `1h5m`), or None.

    What it gives is always accepted by `parse`.
    """
    bare = unicodedata.normalize("NFKC", text).strip().lower()
    bare = bare.lstrip("+-").rstrip(".,:;!").replace(" ", "")
    pieces = PIECE.findall(bare)
    if "".join(count + unit for count, unit in pieces) != bare:
        return None
    # The same piece typed twice is a slip of the hand, not a wish for twice the time.
    seconds = Fraction(0)
    for count, word in dict.fromkeys(pieces):
        unit = UNIT_OF.get(word)
        if unit is None:
            return None
        seconds += Fraction(count.replace(",", ".")) * UNITS[unit]
    if not SHORTEST.total_seconds() <= seconds <= LONGEST.total_seconds():
        return None
    return compact(timedelta(seconds=int(seconds)))


def compact(length: timedelta) -> str:
    """As it is typed: `1h30m`. Whole seconds, rounded down; nothing or less is `0s`."""
    return "".join(f"{count}{unit}" for unit, count in _parts(length))


def human(length: timedelta) -> str:
    """As it is said: `1 h 30 min`. Whole seconds, rounded down; nothing or less is `0 s`."""
    return " ".join(f"{count} {HUMAN[unit]}" for unit, count in _parts(length))


def shown(text: str, limit: int = 40) -> str:
    """What somebody typed, fit to be quoted in one line: cut with a mark, no unseen characters."""
    visible = "".join(c if c.isprintable() else "�" for c in text[: limit + 1])
    return visible if len(text) <= limit else visible[:limit] + "…"


def _parts(length: timedelta) -> list[tuple[str, int]]:
    """Days, hours, minutes and seconds that are not nought; weeks are said as days."""
    left = max(0, length // timedelta(seconds=1))
    parts = []
    for unit in HUMAN:
        count, left = divmod(left, UNITS[unit])
        if count:
            parts.append((unit, count))
    return parts or [("s", 0)]
