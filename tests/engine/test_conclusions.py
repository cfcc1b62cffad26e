"""What a provider's answer means: pure, so every case is cheap."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from adapters.base import Presence
from bot.domain.acts import Act, Alarm, Confirm, End, Extend, Fail, FailExtension, Retry
from bot.domain.grant import Grant, Kind, Order, Recipient, State, Terms
from bot.domain.schedule import Due
from bot.engine.conclusions import Answer, conclude, concluded_look, distance

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def grant(**changes: object) -> Grant:
    row = Grant(
        id="0" * 12,
        resource="lab",
        requester="U1",
        reason="why not",
        duration=30 * MINUTE,
        kind=Kind.STANDARD,
        order=Order("p", "demo", {}, Recipient("U1")),
        terms=Terms(1, 60 * MINUTE, MINUTE, MINUTE, 1),
        policy_hash="x",
        state=State.REVOKING,
        created_at=NOW,
        decide_by=NOW,
        revoking_at=NOW,
    )
    return replace(row, **changes)  # type: ignore[arg-type] # real fields


def kinds(acts: tuple[Act, ...]) -> list[type[Act]]:
    return [type(act) for act in acts]


REFUSED = Answer(error="no", refused=True)
SILENT = Answer(error="silence")


@pytest.mark.parametrize(
    ("due", "answer", "expected"),
    [
        (Due.GRANT, Answer(presence=Presence.PRESENT), [Confirm]),
        (Due.GRANT, Answer(presence=Presence.ABSENT), [Retry]),
        (Due.GRANT, Answer(presence=Presence.PARTIAL), [Retry]),
        (Due.GRANT, SILENT, [Retry]),
        (Due.GRANT, REFUSED, [Fail]),
        (Due.EXTEND, Answer(), [Extend]),
        (Due.EXTEND, SILENT, [Retry]),
        (Due.EXTEND, REFUSED, [FailExtension]),
        (Due.REVOKE, Answer(presence=Presence.ABSENT), [End]),
        (Due.REVOKE, Answer(presence=Presence.PARTIAL), [Retry]),
        (Due.REVOKE, Answer(presence=Presence.PRESENT), [Retry]),
        (Due.REVOKE, SILENT, [Retry]),
        (Due.REVOKE, REFUSED, [Alarm, Retry]),
    ],
)
def test_an_answer_means_one_thing(due: Due, answer: Answer, expected: list[type[Act]]) -> None:
    """Only a look that says absent ends a grant, only one that says present starts it."""
    assert kinds(conclude(due, answer, grant(), NOW)) == expected


def test_alarms_rise_and_then_are_steady() -> None:
    """Silence gets a minute; then people are told after 0, 5, 15, 35, 75 minutes and each hour."""
    row, told = grant(), []
    for minute in range(60 * 5):
        now = NOW + minute * MINUTE
        if Alarm in kinds(conclude(Due.REVOKE, SILENT, row, now)):
            told.append(minute)
            row = replace(row, overdue_at=row.overdue_at or now, alarms=row.alarms + 1)

    assert told == [1, 6, 16, 36, 76, 136, 196, 256]


def test_an_end_waits_for_what_may_still_land() -> None:
    """Absent is not the end while a call that was given up on could land, settling included."""
    row = grant(unsure_until=NOW + MINUTE)
    absent = Answer(presence=Presence.ABSENT, settle=MINUTE)
    waits = conclude(Due.REVOKE, absent, row, NOW)

    assert kinds(waits) == [Retry]
    assert isinstance(waits[0], Retry)
    assert waits[0].after == 2 * MINUTE
    assert kinds(conclude(Due.REVOKE, absent, row, NOW + 2 * MINUTE)) == [End]

    looked_long_ago = replace(absent, age=lambda: MINUTE)
    (again,) = conclude(Due.REVOKE, looked_long_ago, row, NOW + 2 * MINUTE)
    assert isinstance(again, Retry)
    assert again.after == timedelta(0)
    assert kinds(conclude(Due.REVOKE, looked_long_ago, row, NOW + 3 * MINUTE)) == [End]


def test_what_is_there_before_the_first_call_is_held() -> None:
    """Present or partial before us: not ours. Unsure: looked again. Refused: failed."""
    for presence in (Presence.PRESENT, Presence.PARTIAL):
        (act,) = concluded_look(Answer(presence=presence), grant(), NOW)

        assert isinstance(act, Fail)
        assert act.held
    assert kinds(concluded_look(SILENT, grant(), NOW)) == [Retry]
    (act,) = concluded_look(REFUSED, grant(), NOW)

    assert isinstance(act, Fail)
    assert not act.held


def test_tries_are_at_doubling_distance_up_to_a_minute() -> None:
    """From half a second, with jitter below; as asked where the provider says so; never more."""
    for attempts, most in ((0, 0.5), (1, 1), (5, 16), (7, 60), (50, 60)):
        wait = distance(attempts).total_seconds()

        assert most * 0.75 <= wait <= most
    assert 7.5 <= distance(0, 10).total_seconds() <= 10
    assert distance(0, 3600).total_seconds() <= 60
