"""What stands in Slack after a whole life, with the real engine behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.domain.grant import State
from bot.storage.database import Database
from sandbox.player import buttons_of, text_of
from sandbox.seed import AUDIT
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """SQLite: both databases are compared where the engine and the stories are tested."""
    async with await Database.open(sqlite_url, exclusive=True) as opened:
        yield opened


async def test_a_whole_life_is_told_in_every_place(database: Database) -> None:
    """Card, thread, own messages, audit channel and Home tab, each in order and once."""
    async with floor(database) as here:
        await here.dana.open_home()
        grant = await here.active()
        await here.maya.waits_for("Active until", channel="approvals")
        await here.sandbox.until(lambda: "until" in text_of(here.dana.home))
        await here.dana.waits_for("You have")
        await here.engine.service.extend("U0DANA", grant.id, grant.duration, reason="one more")
        await here.maya.click("Approve", message=await here.maya.waits_for("asks for 30 min more"))
        await here.moved(grant)
        await here.dana.waits_for("Extended")
        await here.engine.service.revoke("U0MAYA", grant.id, reason="done early")
        await here.until(State.ENDED)
        await here.dana.waits_for("is gone")
        await here.maya.waits_for("Verified gone", channel="audit")
        card = await here.maya.waits_for("Ended, checked and gone", channel="approvals")
        await here.sandbox.until(lambda: "Nothing right now." in text_of(here.dana.home))

        await here.sandbox.until(
            lambda: "Gone:" in text_of(here.maya.sees("approvals", thread=card["ts"]))
        )
        thread = here.maya.sees("approvals", thread=card["ts"])
        log = await here.engine.reading.events(grant.id)

        told = [message for message in here.dana.dms() if not message.get("ephemeral")]

        assert [buttons_of(message) for message in told] == [[]] * 5
        assert [text_of(line).split(" ")[0] for line in told] == [
            "*Asked:*",
            "*Approved*",
            "*You",
            "*Extended:*",
            "*Ended.*",
        ]
        expected = [
            "Approved by maya for 30 min.",
            "The access is there, until <!date^",
            "dana asks for 30 min more. “one more”",
            "Approved by maya, 1 of 1.",
            "30 min more, approved by maya: until <!date^",
            "Ended early by maya; it is being taken away. “done early”",
            "Gone: the provider was asked again.",
        ]
        for line, words in zip(thread[1:], expected, strict=True):
            assert line["text"].startswith(words)
        lines = [m["text"] for m in here.maya.sees(AUDIT) if grant.id in m["text"]]
        assert [line.split("*")[1] for line in lines] == [
            "Requested",
            "Approved",
            "Started",
            "Extended",
            "Revoked",
            "Verified gone",
        ]
        seals = {f"#{event.seq} {event.hash[:12]}" for event in log}
        assert {line.rpartition(" · ")[2] for line in lines} <= seals
        assert not here.figures.errors
