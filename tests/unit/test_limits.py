"""Reasons, lengths, starts, limits and cooldowns, given the numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.limits import (
    HORIZON,
    REASON_LIMIT,
    check_cooldown,
    check_duration,
    check_limit,
    check_reason,
    check_start,
)
from bot.domain.policy import Limit, Provider, ReasonRule, Resource
from bot.domain.verdict import YES

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RESOURCE = Resource(
    name="prod-db",
    provider=Provider("orders-pg", "postgres", {}),
    grant={},
    requesters=(),
    approvers=(),
    reason=ReasonRule(min_length=5, pattern="INC-[0-9]+"),
    limit=Limit(total=4 * HOUR, per=24 * HOUR),
    cooldown=timedelta(minutes=10),
)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("see INC-42", ""),
        ("", "reason_missing"),
        ("   ", "reason_missing"),
        ("  x  ", "reason_short"),
        ("INC-42 " + "x" * (REASON_LIMIT - 7), ""),
        ("INC-42 " + "x" * (REASON_LIMIT - 6), "reason_long"),
        ("see inc-42", "reason_pattern"),
    ],
)
def test_reasons(reason: str, code: str) -> None:
    """A reason is long enough, not too long, and holds what the policy asks for."""
    assert check_reason(RESOURCE, reason).code == code


def test_reasons_are_optional_where_the_policy_says_so() -> None:
    """With no length asked for, an empty reason is one."""
    resource = replace(RESOURCE, reason=ReasonRule(min_length=0))

    assert check_reason(resource, "") == YES


def test_durations() -> None:
    """The longest is allowed and named in the refusal of more."""
    assert check_duration(RESOURCE, 4 * HOUR) == YES
    no = check_duration(RESOURCE, 4 * HOUR + timedelta(seconds=1))

    assert (no.code, no.hint) == ("too_long", "4h")
    assert "4 h at most" in no.message


def test_starts() -> None:
    """A start may be at once or within sixty days."""
    assert check_start(None, NOW) == YES
    assert check_start(NOW - HOUR, NOW) == YES
    assert check_start(NOW + HORIZON, NOW) == YES
    assert check_start(NOW + HORIZON + HOUR, NOW).code == "too_far"


@pytest.mark.parametrize(
    ("used", "asked", "hint"),
    [
        (timedelta(0), 4 * HOUR, None),
        (3 * HOUR, HOUR, None),
        (3 * HOUR, 2 * HOUR, "Ask for 1h."),
        (
            4 * HOUR,
            timedelta(seconds=1),
            "Ask again later; time that is longer ago no longer counts.",
        ),
        (5 * HOUR, HOUR, "Ask again later; time that is longer ago no longer counts."),
    ],
)
def test_limits(used: timedelta, asked: timedelta, hint: str | None) -> None:
    """What was used and what is asked for stay within the limit; the hint says what is left."""
    verdict = check_limit(RESOURCE, used=used, asked=asked)

    assert verdict.ok is (hint is None)
    assert verdict.hint == (hint or "")
    assert verdict.code in {"", "limit"}


def test_no_limit() -> None:
    """Without a limit any time is right."""
    resource = replace(RESOURCE, limit=None, cooldown=None)

    assert check_limit(resource, used=99 * HOUR, asked=HOUR) == YES
    assert check_cooldown(resource, ended_at=NOW, now=NOW) == YES


def test_cooldown() -> None:
    """From the proven end on the person waits, to the second."""
    ended = NOW - timedelta(minutes=9, seconds=59, milliseconds=500)
    no = check_cooldown(RESOURCE, ended_at=ended, now=NOW)

    assert (no.code, no.hint) == ("cooldown", "Ask again in 1 s.")
    assert check_cooldown(RESOURCE, ended_at=NOW - timedelta(minutes=10), now=NOW) == YES
    assert check_cooldown(RESOURCE, ended_at=None, now=NOW) == YES
