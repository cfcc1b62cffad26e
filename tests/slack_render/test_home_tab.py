"""Showing the Home tab: when it is opened, and again when something changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.storage.database import Database
from sandbox.faults import Fault, FaultKind
from sandbox.player import buttons_of, text_of
from sandbox.seed import MAYA, OLGA, OMAR
from tests.slack_gateway.floor import floor, who

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """SQLite: both databases are compared where the engine and the stories are tested."""
    async with await Database.open(sqlite_url, exclusive=True) as opened:
        yield opened


async def test_what_waits_for_an_approver_comes_and_goes_by_itself(database: Database) -> None:
    """Whoever looked is kept up to date; the requester is offered no decision on it."""
    async with floor(database) as here:
        for player in (here.maya, here.dana):
            await player.open_home()
            await here.sandbox.until(lambda seen=player: seen.home is not None)
        await here.dana.command("/access prod-db 30m fix the stuck order")
        await here.sandbox.until(lambda: "Approve" in buttons_of(here.maya.home))
        await here.sandbox.until(lambda: "Cancel request" in buttons_of(here.dana.home))

        assert "fix the stuck order" in text_of(here.maya.home)
        assert "Approve" not in buttons_of(here.dana.home)

        await here.engine.service.deny(MAYA, (await here.only()).id)
        await here.sandbox.until(lambda: "Approve" not in buttons_of(here.maya.home))
        await here.sandbox.until(lambda: "was denied" in text_of(here.dana.home))


async def test_nobody_is_sent_the_page_that_they_see(database: Database) -> None:
    """News that change nothing for a viewer cost no call."""
    async with floor(database) as here:
        omar = here.sandbox.person(OMAR)
        here.rules.current = replace(here.rules.current, admins=who(MAYA))
        await omar.open_home()
        await here.maya.open_home()
        await here.sandbox.until(lambda: omar.home is not None and here.maya.home is not None)
        here.sandbox.traffic.calls("views.publish").clear()
        before = len(here.sandbox.traffic.calls("views.publish"))
        await here.dana.command("/access vault 30m INC-4711 look at the stuck order")
        await here.sandbox.until(lambda: "INC-4711" in text_of(here.maya.home))
        published = here.sandbox.traffic.calls("views.publish")[before:]
        assert {call["args"]["user_id"] for call in published} <= {MAYA, OMAR}
        assert OLGA not in {call["args"]["user_id"] for call in published}


async def test_a_page_that_slack_does_not_take_is_made_anew(database: Database) -> None:
    """The failure is counted; opening it again shows it."""
    async with floor(database) as here:
        here.sandbox.faults.add(Fault("views.publish", FaultKind.STATUS, status=503))
        await here.dana.open_home()
        await here.sandbox.until(lambda: ("views.publish", "http_503") in here.figures.errors)
        assert here.dana.home is None
        await here.dana.open_home()
        await here.sandbox.until(lambda: here.dana.home is not None)


async def test_who_cannot_be_looked_up_is_told_so(database: Database) -> None:
    """The page says why it is empty, and what to do."""
    async with floor(database) as here:
        here.sandbox.faults.add(Fault("users.info", FaultKind.STATUS, times=None, status=503))
        await here.dana.open_home()
        await here.sandbox.until(lambda: here.dana.home is not None)
        assert text_of(here.dana.home).startswith("Slack could not say who you are")
        assert "Try again in a minute." in text_of(here.dana.home)
