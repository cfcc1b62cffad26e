"""What a request must keep to, given the numbers. Pure; who counts them is elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import compact, human
from bot.domain.pattern import is_in
from bot.domain.verdict import YES, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.policy import Resource

REASON_LIMIT: Final = 3000
"""Characters of a reason: what one plain-text block of Slack can show."""

HORIZON: Final = timedelta(days=60)
"""How far ahead a start may lie: a promise older than that is nobody's any more."""


def check_reason(resource: Resource, reason: str) -> Verdict:
    """Codes of a no: `reason_missing`, `reason_short`, `reason_long`, `reason_pattern`."""
    rule = resource.reason
    length = len(reason.strip())
    if length < rule.min_length:
        if not length:
            return Verdict(
                "reason_missing",
                f"{resource.name} is not given without a reason.",
                f"Say in at least {rule.min_length} characters what you are going to do.",
            )
        return Verdict(
            "reason_short",
            f"The reason has {_characters(length)} and {resource.name} asks for"
            f" {rule.min_length} at least.",
            "Say what you are going to do, so that an approver can decide on it.",
        )
    if length > REASON_LIMIT:
        return Verdict(
            "reason_long",
            f"The reason has {length} characters and {REASON_LIMIT} are the most.",
            "Say the main thing, and link to the rest.",
        )
    if rule.pattern is not None and not is_in(rule.pattern, reason):
        return Verdict(
            "reason_pattern",
            f"A reason for {resource.name} has to contain something like {rule.pattern}.",
            "Put it anywhere in the reason.",
        )
    return YES


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count} characters"


def check_duration(resource: Resource, duration: timedelta) -> Verdict:
    """Code of a no: `too_long`. The hint is the longest that can be had."""
    if duration <= resource.max_duration:
        return YES
    return Verdict(
        "too_long",
        f"{human(duration)} is longer than {resource.name} can be had:"
        f" {human(resource.max_duration)} at most.",
        compact(resource.max_duration),
    )


def check_start(starts_at: datetime | None, now: datetime) -> Verdict:
    """Code of a no: `too_far`. A start that has passed is read as at once."""
    if starts_at is None or starts_at - now <= HORIZON:
        return YES
    return Verdict(
        "too_far",
        f"A start can lie {human(HORIZON)} ahead at most.",
        "Ask again when the day is nearer.",
    )


def check_limit(resource: Resource, *, used: timedelta, asked: timedelta) -> Verdict:
    """Code of a no: `limit`. `used` is what access really was there within the last `per`.

    What is still live counts with all the time that it may yet have.
    """
    limit = resource.limit
    if limit is None or used + asked <= limit.total:
        return YES
    left = max(limit.total - used, timedelta(0))
    spent = f"{human(limit.total)} of {resource.name} can be had within {human(limit.per)}"
    if left < timedelta(seconds=1):
        return Verdict(
            "limit",
            f"{spent}, and you have used them up.",
            "Ask again later; time that is longer ago no longer counts.",
        )
    return Verdict(
        "limit",
        f"{spent}, and {human(left)} are left of them.",
        f"Ask for {compact(left)}.",
    )


def check_cooldown(resource: Resource, *, ended_at: datetime | None, now: datetime) -> Verdict:
    """Code of a no: `cooldown`. `ended_at` is the proven end of this person's last access to it."""
    if resource.cooldown is None or ended_at is None:
        return YES
    left = ended_at + resource.cooldown - now
    if left <= timedelta(0):
        return YES
    return Verdict(
        "cooldown",
        f"{resource.name} can be had again {human(resource.cooldown)} after the last access ended.",
        f"Ask again in {human(max(left, timedelta(seconds=1)))}.",
    )
