"""Points in time as people type them: `18:00`, `2026-12-01 18:00`, in their own time zone.

A bare time is its next occurrence. A time that the clocks skip is refused, not moved; one that
they show twice is its first occurrence that is still to come. Answers are aware UTC.
Wrong input raises `RefusalError` with the code `moment`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.domain.durations import shown
from bot.domain.errors import RefusalError

FORMS: Final = "Write a time such as 18:00, or a day and a time such as 2026-12-01 18:00."
CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
LOOSE: Final = re.compile(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?(am|pm)?", re.ASCII)
ATTEMPT: Final = re.compile(
    r"[0-9]{1,2}[:.h][0-9]{1,2}(?:am|pm)?|[0-9]{1,2}(?:am|pm)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*",
    re.ASCII,
)
NEAR_DAYS: Final = {"today": 0, "tomorrow": 1}
NOON: Final = 12


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on the wall, perhaps with its day; which instant it is depends on the zone."""

    clock: time
    day: date | None = None

    def __str__(self) -> str:
        clock = f"{self.clock:%H:%M}"
        return clock if self.day is None else f"{self.day.isoformat()} {clock}"


def is_attempt(word: str) -> bool:
    """Somebody meant a time or a day by this word, rightly written or not."""
    return word in NEAR_DAYS or ATTEMPT.fullmatch(word) is not None


def clock_of(word: str) -> time | None:
    """`18:00` or `9:30`, None for anything else."""
    found = CLOCK.fullmatch(word)
    try:
        return time(int(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def day_of(word: str) -> date | None:
    """`2026-12-01`, None for anything else and for days that no calendar has."""
    found = DAY.fullmatch(word)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def suggest_clock(word: str) -> str | None:
    """The time that was probably meant: `10pm` and `22.00` give `22:00`; None when unclear."""
    found = LOOSE.fullmatch(word)
    if found is None or (found[2] is None and found[3] is None):
        return None
    hour, minute = int(found[1]), found[2] or "00"
    if found[3] is not None:
        if not 1 <= hour <= NOON:
            return None
        hour = hour % NOON + (NOON if found[3] == "pm" else 0)
    clock = clock_of(f"{hour % 24 if hour == 24 else hour}:{minute}")  # noqa: PLR2004 - midnight
    return None if clock is None else f"{clock:%H:%M}"


def near_day(word: str, *, timezone: str, now: datetime) -> date | None:
    """The day that `today` or `tomorrow` is for this person, None for other words."""
    ahead = NEAR_DAYS.get(word)
    if ahead is None:
        return None
    return now.astimezone(zone_of(timezone)).date() + timedelta(days=ahead)


def resolve(moment: Moment, *, timezone: str, after: datetime) -> datetime:
    """The instant in UTC, later than `after`.

    Raises `RefusalError` for a day that has passed, a time that the clocks skip on that day, and
    a zone that is not known.
    """
    zone = zone_of(timezone)
    try:
        if moment.day is not None:
            return _on(moment, moment.day, zone, after)
        local = after.astimezone(zone)
        today = local.date()
        # Later today, even when the clocks skip it: tomorrow's is not what was meant then.
        if _later(moment, today, zone, after) or (
            local.time() < moment.clock and not _instants(moment.clock, today, zone)
        ):
            return _on(moment, today, zone, after)
        return _on(moment, today + timedelta(days=1), zone, after)
    except OverflowError:
        raise _refusal(f"{moment} is out of reach.") from None


def zone_of(name: str) -> ZoneInfo:
    """The zone of the IANA list. Raises `RefusalError` (code `timezone`) for an unknown one."""
    try:
        return ZoneInfo(name)
    # An unknown key, a malformed one and one that names a directory raise differently.
    except (KeyError, ValueError, OSError):
        raise RefusalError(
            "timezone",
            f"Your time zone “{shown(name)}” is not known here.",
            hint="Use a length such as 2h instead of a time of day.",
        ) from None


def _on(moment: Moment, day: date, zone: ZoneInfo, after: datetime) -> datetime:
    if not _instants(moment.clock, day, zone):
        raise _refusal(
            f"{moment.clock:%H:%M} does not exist on {day.isoformat()} in {zone.key}:"
            " the clocks go forward then."
        )
    found = _later(moment, day, zone, after)
    if found is None:
        raise _refusal(f"{moment} has passed.")
    return found


def _later(moment: Moment, day: date, zone: ZoneInfo, after: datetime) -> datetime | None:
    return next((t for t in _instants(moment.clock, day, zone) if t > after), None)


def _instants(clock: time, day: date, zone: ZoneInfo) -> list[datetime]:
    """When the clocks of the zone show this: none, once or twice on a day; in order."""
    local = [datetime.combine(day, clock, zone).replace(fold=fold) for fold in (0, 1)]
    instants = {t.astimezone(UTC) for t in local if _shows(t, zone)}
    return sorted(instants)


def _shows(local: datetime, zone: ZoneInfo) -> bool:
    back = local.astimezone(UTC).astimezone(zone)
    return back.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)


def _refusal(message: str) -> RefusalError:
    return RefusalError("moment", message, hint=FORMS)
