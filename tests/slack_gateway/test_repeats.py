"""The same request again changes nothing: Slack, people and thieves repeat."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.domain.grant import State
from sandbox.faults import Fault, FaultKind
from sandbox.player import text_of
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from bot.storage.database import Database

LINE = "/access prod-db 30m fix the stuck order"


async def test_a_line_delivered_twice(database: Database, road: str) -> None:
    """Two deliveries of one command at once are one request, and both are answered with it."""
    async with floor(database, road) as here:
        here.sandbox.faults.add(Fault("deliver", FaultKind.DUPLICATE))
        said = await here.dana.command(LINE)
        [delivery] = here.sandbox.traffic.deliveries("slash_commands")
        answers = [text_of(ack) for ack in delivery["acks"]]

        assert "Asked for" in text_of(said["response"])
        assert answers[0] == answers[1]
        assert len(await here.grants()) == 1


async def test_a_line_replayed_after_the_end(database: Database) -> None:
    """A request that is sent again, signed as it was, asks for nothing new."""
    async with floor(database) as here:
        await here.dana.command(LINE)
        [delivery] = here.sandbox.traffic.deliveries("slash_commands")
        grant = await here.only()
        await here.engine.service.vote("U0MAYA", grant.id)
        await here.until(State.ACTIVE)
        await here.sandbox.redelivery.replayed(delivery["n"])

        assert (await here.only()).id == grant.id


async def test_a_click_delivered_twice(database: Database, road: str) -> None:
    """Approve counts once, and the second delivery is no error."""
    async with floor(database, road) as here:
        await here.dana.command(LINE)
        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        here.sandbox.faults.add(Fault("deliver", FaultKind.DUPLICATE))
        await here.maya.click("Approve", message=card)
        await here.until(State.ACTIVE)

        assert (await here.only()).votes == ("U0MAYA",)
        assert "click.refused" not in await here.kinds()


async def test_two_clicks_of_one_person_on_a_request_that_needs_two(database: Database) -> None:
    """A double click is one vote; a second person's is the second."""
    async with floor(database) as here:
        await here.dana.command("/access vault 30m INC-7 fix the stuck order")
        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await asyncio.gather(*(here.maya.click("Approve", message=card) for _ in range(2)))

        assert (await here.only()).votes == ("U0MAYA",)

        await here.omar.click("Approve", message=card)
        await here.until(State.ACTIVE)

        assert (await here.only()).votes == ("U0MAYA", "U0OMAR")


async def test_approve_and_deny_at_once(database: Database, road: str) -> None:
    """One of them wins; whoever came second is told what happened."""
    async with floor(database, road) as here:
        await here.dana.command(LINE)
        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await here.omar.click("Deny", message=card)
        await here.omar.waits_for_modal("Why")
        _, denied = await asyncio.gather(
            here.maya.click("Approve", message=card), here.omar.submit({"reason": "no"})
        )
        kinds = await here.kinds()

        assert ("grant.approved" in kinds) != ("grant.denied" in kinds)
        assert "click.refused" in kinds
        assert denied["ok"] == ("grant.denied" in kinds)


async def test_a_form_sent_off_twice(database: Database) -> None:
    """One form makes one request, however often its button is pressed."""
    async with floor(database) as here:
        await here.dana.command("/access prod-db")
        await here.dana.waits_for_modal("Ask for access")
        here.sandbox.faults.add(Fault("deliver", FaultKind.DUPLICATE))
        sent = await here.dana.submit({"reason": "fix the stuck order"})
        delivery = here.sandbox.traffic.deliveries("interactive")[-1]

        assert sent["ok"]
        assert delivery["acks"] == [None, None]
        assert len(await here.grants()) == 1


async def test_a_denial_sent_off_twice(database: Database) -> None:
    """The second delivery of a form that was done is no late click."""
    async with floor(database) as here:
        await here.dana.command(LINE)
        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await here.maya.click("Deny", message=card)
        await here.maya.waits_for_modal("Why")
        here.sandbox.faults.add(Fault("deliver", FaultKind.DUPLICATE))
        await here.maya.submit({"reason": "no"})
        delivery = here.sandbox.traffic.deliveries("interactive")[-1]

        assert delivery["acks"] == [None, None]
        assert "click.refused" not in await here.kinds()


async def test_corrected_and_sent_again(database: Database) -> None:
    """A form that was refused is not used up: corrected, it does what it says."""
    async with floor(database) as here:
        await here.dana.command("/access prod-db")
        await here.dana.waits_for_modal("Ask for access")
        first = await here.dana.submit({"duration": "banana", "reason": "fix the stuck order"})
        second = await here.dana.submit({"duration": "9h", "reason": "fix the stuck order"})
        third = await here.dana.submit({"duration": "until 99:00", "reason": "fix it all"})
        fourth = await here.dana.submit({"duration": "1h", "reason": "x"})
        fifth = await here.dana.submit({"duration": "1h", "reason": "fix the stuck order"})

        assert "is not a duration" in first["errors"]["duration"]
        assert "4 h at most. Write 4h." in second["errors"]["duration"]
        assert "is not a time" in third["errors"]["duration"]
        assert "asks for 5 at least" in fourth["errors"]["reason"]
        assert fifth["ok"]
        assert len(await here.grants()) == 1
