"""The audit chain: what follows from what, and which changes are seen."""

from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.chain import GENESIS, Verifier, canonical, link, seal, stamp
from bot.domain.checkpoint import FIRST, Statement, parse_statement
from bot.domain.errors import ProgramError
from bot.domain.record import Event, EventKind, SealedEvent

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def log(length: int) -> list[SealedEvent]:
    lines, previous = [], GENESIS
    for seq in range(1, length + 1):
        event = Event(
            EventKind.GRANT_REQUESTED, NOW, "U1", "abc", {"n": seq}, {"reason": f"why {seq}"}
        )
        lines.append(seal(previous, seq, event))
        previous = lines[-1].hash
    return lines


def faults(lines: list[SealedEvent]) -> list[int]:
    verifier = Verifier()
    for line in lines:
        fault = verifier.check(line.seq, line.body, line.hash, line.texts)
        if fault is not None:
            return [fault.seq]
    return []


def test_an_untouched_log_is_whole() -> None:
    """A log as it was written has no fault, from the start or from a page on."""
    lines = log(5)

    assert faults(lines) == []

    later = Verifier(seq=2, head=lines[1].hash)

    assert all(later.check(x.seq, x.body, x.hash, x.texts) is None for x in lines[2:])


@given(at=st.integers(0, 4))
def test_a_changed_line_is_named(at: int) -> None:
    """Whichever line was changed, it is the one that is named."""
    lines = log(5)
    lines[at] = replace(lines[at], body=lines[at].body.replace("U1", "U2"))

    assert faults(lines) == [at + 1]


@given(at=st.integers(0, 3))
def test_a_missing_line_is_named(at: int) -> None:
    """A line that was taken out leaves a gap."""
    lines = log(5)
    del lines[at]

    assert faults(lines) == [at + 1]


def test_a_rewritten_line_breaks_the_next() -> None:
    """A line that was forged with a right hash of its own no longer fits what follows."""
    lines = log(3)
    body = lines[1].body.replace("U1", "U2")
    lines[1] = replace(lines[1], body=body, hash=link(lines[0].hash, body))

    assert faults(lines) == [3]


def test_a_changed_text_is_seen_and_an_erased_one_is_not_a_fault() -> None:
    """The text beside the chain is committed to; forgetting it is allowed."""
    lines = log(2)
    forged = {"reason": {**lines[1].texts["reason"], "text": "another"}}

    assert faults([lines[0], replace(lines[1], texts=forged)]) == [2]
    assert faults([lines[0], replace(lines[1], texts={})]) == []


def test_no_text_stands_in_the_chain() -> None:
    """What people wrote is in no body, so erasing it leaves no trace of it."""
    assert all("why" not in line.body for line in log(3))


@pytest.mark.parametrize(
    "value",
    [1.5, {"a": 1.5}, [1, [2.5]], {"a": {"b": [0.1]}}, {"a": MappingProxyType({"b": 1.5})}],
)
def test_floats_are_refused(value: object) -> None:
    """A number without one spelling cannot be hashed."""
    with pytest.raises(ProgramError):
        canonical(value)


def test_times_have_one_form() -> None:
    """UTC, microseconds, Z."""
    assert stamp(NOW) == "2026-03-01T12:00:00.000000Z"


def test_a_statement_is_read_from_its_own_text_alone() -> None:
    """What is signed says what it means; anything else is no checkpoint."""
    statement = Statement(7, "ab" * 32, NOW, FIRST, "0123456789abcdef")

    assert parse_statement(statement.text()) == statement

    lines = statement.text().splitlines()
    for wrong in ("", lines[0], "\n".join(["another heading", *lines[1:]]), "\n".join(lines * 2)):
        with pytest.raises(ValueError, match="no checkpoint of Curfew"):
            parse_statement(wrong)


def test_a_value_that_is_no_list_is_written_too() -> None:
    """Anything without a float in it has one text."""
    assert canonical("a") == '"a"'
    assert canonical(None) == "null"
