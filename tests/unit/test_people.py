"""What Slack says of an account becomes what it may do here: in doubt, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.domain.people import Standing
from bot.engine.ports import DirectoryError
from bot.slack.looks import AHEAD, FRESH, PAUSE, Looks
from bot.slack.standing import User, facts_of
from bot.slack.workspace import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

import asyncio

OWN = Identity(team_id="T1", user_id="U0BOT", enterprise_id="E1")


def user(**said: object) -> User:
    return User.model_validate({"id": "U1", "team_id": "T1", **said})


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ({}, Standing.MEMBER),
        ({"is_admin": True, "is_owner": True}, Standing.MEMBER),
        ({"deleted": True}, Standing.DEACTIVATED),
        ({"is_restricted": True}, Standing.GUEST),
        ({"is_restricted": True, "is_ultra_restricted": True}, Standing.GUEST),
        ({"is_ultra_restricted": True}, Standing.GUEST),
        ({"is_bot": True}, Standing.BOT),
        ({"is_bot": False, "id": "USLACKBOT"}, Standing.BOT),
        ({"is_workflow_bot": True}, Standing.BOT),
        ({"is_connector_bot": True}, Standing.BOT),
        ({"is_stranger": True}, Standing.STRANGER),
        ({"team_id": "T2"}, Standing.STRANGER),
        ({"team_id": None}, Standing.STRANGER),
        ({"team_id": "T2", "deleted": True}, Standing.STRANGER),
        ({"team_id": "E1", "enterprise_user": {"teams": ["T1", "T9"]}}, Standing.MEMBER),
        ({"team_id": "E1", "enterprise_user": {"teams": ["T9"]}}, Standing.STRANGER),
    ],
)
def test_standing(said: dict[str, object], standing: Standing) -> None:
    """Only a full member of our own workspace, against whom nothing speaks, is a member."""
    assert facts_of(user(**said), OWN).standing is standing


def test_an_unconfirmed_address_is_none() -> None:
    """Whoever types somebody else's address into their profile does not become them."""
    profile = {"email": "maya@example.com"}

    assert facts_of(user(profile=profile), OWN).email == "maya@example.com"
    assert facts_of(user(profile=profile, is_email_confirmed=False), OWN).email is None


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Source:
    """Answers when it is let; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def look(self, key: str) -> str:
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if self.fails:
            raise DirectoryError("away")
        return f"{key}{number}"


def looks(source: Source, now: Callable[[], float], **more: float) -> Looks[str, str]:
    return Looks(source.look, now=now, **more)  # type: ignore[arg-type] # numbers of ours


async def test_a_look_serves_a_minute() -> None:
    """Within a minute nobody is asked again; after it, nobody is served what is old."""
    source, clock = Source(), Clock()
    kept = looks(source, clock)

    assert await kept.get("a") == "a1"
    clock.at += AHEAD - 1
    assert await kept.get("a") == "a1"
    assert source.asked == 1
    clock.at += FRESH
    assert await kept.get("a") == "a2"


async def test_old_looks_are_renewed_before_anybody_waits() -> None:
    """Whoever asks late within the minute gets the old value at once; the next gets the new."""
    source, clock = Source(), Clock()
    kept = looks(source, clock)
    await kept.get("a")
    clock.at += AHEAD

    assert await kept.get("a") == "a1"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await kept.get("a") == "a2"


async def test_many_who_ask_are_one_look() -> None:
    """A hundred at once cost one call, and one who gives up does not end it for the others."""
    source = Source()
    source.gate.clear()
    kept = looks(source, Clock())
    waiting = [asyncio.create_task(kept.get("a")) for _ in range(100)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    source.gate.set()
    rest = await asyncio.gather(*waiting[1:])

    assert set(rest) == {"a1"}
    assert source.asked == 1


async def test_no_answer_is_a_no() -> None:
    """A look that takes too long fails; so do those right after it, without a call."""
    source, clock = Source(), Clock()
    source.gate.clear()
    kept = looks(source, clock, limit=0.01)
    with pytest.raises(DirectoryError, match="within"):
        await kept.get("a")
    with pytest.raises(DirectoryError, match="a moment ago"):
        await kept.get("a")

    assert source.asked == 1

    source.gate.set()
    clock.at += PAUSE

    assert await kept.get("a") == "a2"


async def test_a_failed_renewal_does_not_lengthen_the_minute() -> None:
    """Slack away: what was known serves to the end of its minute and no longer."""
    source, clock = Source(), Clock()
    kept = looks(source, clock)
    await kept.get("a")
    source.fails = True
    clock.at += AHEAD

    assert await kept.get("a") == "a1"
    await asyncio.sleep(0)
    clock.at += FRESH - AHEAD + 1
    with pytest.raises(DirectoryError):
        await kept.get("a")


async def test_the_age_counts_from_the_question() -> None:
    """A slow answer is as old as its question: nobody knows when in between it was true."""
    source, clock = Source(), Clock()
    source.gate.clear()
    kept = looks(source, clock)
    first = asyncio.create_task(kept.get("a"))
    await asyncio.sleep(0)
    clock.at += FRESH + 1
    source.gate.set()
    await first

    assert await kept.get("a") == "a2"


async def test_only_so_many_are_kept() -> None:
    """The least used are forgotten."""
    source = Source()
    kept = looks(source, Clock(), room=2)
    for key in ("a", "b", "a", "c"):
        await kept.get(key)

    assert (kept.known("a"), kept.known("b"), kept.known("c")) == ("a1", None, "c3")


async def test_closing_ends_what_is_under_way() -> None:
    """Nothing is left running."""
    source = Source()
    source.gate.clear()
    kept = looks(source, Clock())
    waiting = asyncio.create_task(kept.get("a"))
    await asyncio.sleep(0)
    await kept.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
