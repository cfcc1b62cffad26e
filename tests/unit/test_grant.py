"""A grant is altered and written down as it should be."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bot.domain.codec import dump_whole, load_whole
from bot.domain.grant import (
    EndReason,
    Grant,
    Kind,
    Order,
    Recipient,
    State,
    Terms,
    altered,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PLAIN = Grant(
    id="0123456789ab",
    resource="prod-db",
    requester="U1",
    reason="fix a stuck order",
    duration=timedelta(minutes=30),
    kind=Kind.STANDARD,
    order=Order("orders-pg", "postgres", {"roles": ["app_readonly"]}, Recipient("U1")),
    terms=Terms(1, timedelta(hours=4), timedelta(0), timedelta(0), None),
    policy_hash="abc",
    state=State.ACTIVE,
    created_at=NOW,
    decide_by=NOW,
)


def test_a_grant_is_frozen() -> None:
    """It is altered by making another one; a field that does not exist is an error."""
    with pytest.raises(AttributeError):
        PLAIN.state = State.ENDED  # type: ignore[misc] # that is what is tried
    ended = altered(PLAIN, state=State.REVOKING, end_reason=EndReason.EXPIRED)
    assert (PLAIN.state, ended.state) == (State.ACTIVE, State.REVOKING)
    assert altered(ended, state=State.ACTIVE, end_reason=None) == PLAIN
    with pytest.raises(TypeError):
        altered(PLAIN, stat=State.ENDED)


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - Hypothesis wants them naive
    st.integers(min_value=-12, max_value=12),
)
def test_times_are_written_as_pydantic_writes_them(naive: datetime, hours: int) -> None:
    """In UTC as in any other zone; and they are read back equal."""
    zone = timezone(timedelta(hours=hours))
    for at in (naive.replace(tzinfo=UTC), naive.replace(tzinfo=zone)):
        written = dump_whole("expires_at", at)
        assert written == TypeAdapter(datetime).dump_python(at, mode="json")
        assert load_whole("expires_at", written) == at


def test_states_are_written_as_their_words() -> None:
    """A plain text, as pydantic gives it."""
    for state in State:
        written = dump_whole("state", state)
        assert type(written) is str
        assert written == TypeAdapter(State).dump_python(state, mode="json")
