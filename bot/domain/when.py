"""The part of a line that says when and how long: `30m`, `until 18:00`, `at 22:00`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bot.domain import durations, moments
from bot.domain.errors import RefusalError
from bot.domain.moments import Moment

if TYPE_CHECKING:
    from datetime import datetime, time, timedelta

    from bot.domain.line import Context, Line

BARE_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
PURE: Final = re.compile(r"(?:[0-9]+[smhdw])+", re.ASCII)
EXAMPLE: Final = "30m"


@dataclass(frozen=True, slots=True)
class When:
    """What was said about time."""

    length: timedelta | None = None
    until: Moment | None = None
    at: Moment | None = None

    @property
    def has_length(self) -> bool:
        return self.length is not None or self.until is not None

    def resolved(
        self, context: Context
    ) -> tuple[datetime | None, datetime | None, timedelta | None]:
        """Start, end and duration, as far as they were said."""
        zone, now = context.timezone, context.now
        starts = moments.resolve(self.at, timezone=zone, after=now) if self.at else None
        if self.until is None:
            return starts, None, self.length
        begin = starts or now
        ends = moments.resolve(self.until, timezone=zone, after=begin)
        if ends - begin > durations.LONGEST:
            raise RefusalError("moment", f"{self.until} is too far away.", hint=moments.FORMS)
        # The second in which it ends has begun: the shortest that there is.
        return starts, ends, max(ends - begin, durations.SHORTEST)


def read_when(line: Line) -> When:
    """Takes all words that say when; what is left is the reason."""
    when = When()
    while (more := _step(line, when)) is not None:
        when = more
    return when


def read_length(line: Line) -> timedelta | None:
    """Takes one duration, None when the next word was not meant as one."""
    return _length(line) if is_length(line) else None


def is_length(line: Line) -> bool:
    """The next word was meant as a duration, rightly written or not."""
    return durations.is_attempt(line.text()) or _is_spoken_length(line)


def _step(line: Line, when: When) -> When | None:
    text = line.text()
    if text == "at" and when.at is None and moments.is_attempt(line.text(2)):
        line.take()
        return replace(when, at=_moment(line))
    if when.has_length:
        _refuse_second(line, when)
        return None
    if text == "until":
        line.take()
        return replace(when, until=_moment(line))
    if is_length(line):
        return replace(when, length=_length(line))
    return None


def _length(line: Line) -> timedelta:
    """The next word (or a number and its unit) as a duration, or the refusal of it."""
    text = line.text()
    if _is_spoken_length(line):
        raise _apart(line, f"{text} {line.text(2)}", skip=2)
    try:
        length = durations.parse(text)
    except RefusalError as error:
        meant = durations.suggest(text)
        if meant is None and PURE.fullmatch(text) is None:
            # A word like `500ms` begins a reason whose writer left the duration out.
            meant = f"{EXAMPLE} {text}"
        hint = f"Write {error.hint}, for example."
        raise line.refusal(error.code, error.message, instead=meant, hint=hint) from None
    line.take()
    return length


def _is_spoken_length(line: Line) -> bool:
    """A bare number and a unit as two words: `30 minutes`."""
    return BARE_NUMBER.fullmatch(line.text()) is not None and line.text(2) in durations.UNIT_OF


def _refuse_second(line: Line, when: When) -> None:
    """Two durations in a row are one that was written apart, or a change of mind."""
    text = line.text()
    if durations.FORM.fullmatch(text) and text:
        former = line.done[-1]
        if when.length is not None and durations.FORM.fullmatch(former):
            line.done.pop()
            raise _apart(line, f"{former} {text}", skip=1)
    elif text != "until" or not moments.is_attempt(line.text(2)):
        return
    raise line.refusal(
        "duration", "Say how long or until when, once.", hint="Leave one of the two out."
    )


def _apart(line: Line, text: str, *, skip: int) -> RefusalError:
    return line.refusal(
        "duration",
        f"“{durations.shown(text)}” has to be written as one word.",
        instead=durations.suggest(text),
        skip=skip,
        hint=f"Write {EXAMPLE} or 1h30m.",
    )


def _moment(line: Line) -> Moment:
    """The words after `at` or `until`: a time, or a day and a time."""
    text = line.text()
    day = moments.day_of(text)
    if day is None:
        return Moment(_clock(line, instead=_day_meant(text, line.context)))
    line.take()
    return Moment(_clock(line), day)


def _clock(line: Line, *, instead: str | None = None) -> time:
    text = line.text()
    clock = moments.clock_of(text)
    if clock is None:
        raise line.refusal(
            "moment",
            f"“{durations.shown(text)}” is not a time." if text else "The time is missing.",
            instead=instead or moments.suggest_clock(text),
            hint=moments.FORMS,
        )
    line.take()
    return clock


def _day_meant(text: str, context: Context) -> str | None:
    near = moments.near_day(text, timezone=context.timezone, now=context.now)
    return near.isoformat() if near else _split(text)


def _split(text: str) -> str | None:
    """`2026-12-01t18:00` in two words."""
    day, _, clock = text.partition("t")
    if moments.day_of(day) is None or moments.clock_of(clock) is None:
        return None
    return f"{day} {clock}"
