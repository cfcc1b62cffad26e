"""People at work: what they type and press does what it says, and is answered where they are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.grant import EndReason, State
from sandbox.player import text_of
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from bot.storage.database import Database


async def test_asked_approved_used_revoked(database: Database, road: str) -> None:
    """Asked by a line, approved by a click, credentials in a form, ended by a click."""
    async with floor(database, road) as here:
        said = await here.dana.command("/access prod-db 30m fix the stuck order")
        answer = text_of(said["response"])

        assert "Asked for `prod-db`, 30 min. Waiting for <!subteam^S0DBA>." in answer
        assert said["response"]["ephemeral"]

        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await here.maya.click("Approve", message=card)
        grant = await here.until(State.ACTIVE)
        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials", message=granted)
        shown = text_of(await here.dana.waits_for_modal("Shown once"))
        password = here.world.access[f"curfew-{grant.id}"].password

        assert password is not None
        assert password in shown

        await here.dana.click("Revoke now", message=granted)
        ended = await here.until(State.ENDED)

        assert ended.end_reason is EndReason.REVOKED
        assert f"curfew-{grant.id}" not in here.world.access

        said_anywhere = json.dumps([person.everything() for person in (here.dana, here.maya)])

        assert password not in said_anywhere


async def test_asked_by_the_form(database: Database, road: str) -> None:
    """`/access` opens the form; sent off, it asks."""
    async with floor(database, road) as here:
        await here.dana.command("/access")
        await here.dana.waits_for_modal("Ask for access")
        filled = {"resource": "prod-db", "duration": "45m", "reason": "fix the stuck order"}
        sent = await here.dana.submit(filled)
        grant = await here.only()

        assert sent["ok"]
        assert here.dana.modal is None
        assert (grant.state, grant.duration) == (State.PENDING, timedelta(minutes=45))


async def test_form_is_filled_from_the_line(database: Database) -> None:
    """A resource without a reason opens the form with what was said in it."""
    async with floor(database) as here:
        await here.dana.command("/access prod-db 20m")
        await here.dana.waits_for_modal("Ask for access")
        await here.dana.submit({"reason": "fix the stuck order"})

        assert (await here.only()).duration == timedelta(minutes=20)


async def test_approve_shorter(database: Database, road: str) -> None:
    """An approver gives less time than was asked for; more is refused beside the field."""
    async with floor(database, road) as here:
        await here.dana.command("/access prod-db 30m fix the stuck order")
        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await here.maya.click("Approve shorter", message=card)
        await here.maya.waits_for_modal("For how long")
        refused = await here.maya.submit({"duration": "2h"})

        assert "never lengthen" in refused["errors"]["duration"]

        sent = await here.maya.submit({"duration": "10m"})
        grant = await here.until(State.ACTIVE)

        assert sent["ok"]
        assert grant.duration == timedelta(minutes=10)


async def test_deny_with_a_reason(database: Database, road: str) -> None:
    """The reason of a denial reaches the person who asked."""
    async with floor(database, road) as here:
        await here.dana.command("/access prod-db 30m fix the stuck order")
        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await here.maya.click("Deny", message=card)
        await here.maya.waits_for_modal("Why")
        await here.maya.submit({"reason": "wait for the freeze to end"})

        assert (await here.only()).state is State.DENIED
        await here.dana.waits_for("wait for the freeze to end", channel=None)


async def test_cancel_from_ones_own_message(database: Database) -> None:
    """Cancel request in the requester's own conversation takes the request back."""
    async with floor(database) as here:
        await here.dana.command("/access prod-db 30m fix the stuck order")
        asked = await here.dana.waits_for("Cancel request", channel=here.sandbox_dm)
        await here.dana.click("Cancel request", message=asked)

        assert (await here.only()).state is State.CANCELLED


async def test_extension_is_asked_and_voted(database: Database, road: str) -> None:
    """Extend opens a form; an approver's click on the extension's own card moves the end."""
    async with floor(database, road) as here:
        before = await here.active()
        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Extend", message=granted)
        await here.dana.waits_for_modal("How much more")
        await here.dana.submit({"duration": "15m", "reason": "not done yet"})
        card = await here.maya.waits_for("not done yet", channel="approvals")
        await here.maya.click("extension_approve:1", message=card)
        await here.dana.waits_for("15 min")
        after = await here.moved(before)

        assert before.expires_at is not None
        assert after.expires_at == before.expires_at + timedelta(minutes=15)


async def test_extension_is_denied_with_a_reason(database: Database) -> None:
    """Deny on the extension's card opens a form; the former end holds."""
    async with floor(database) as here:
        before = await here.active()
        said = await here.dana.command("/access extend prod-db 15m not done yet")

        assert "Waiting for" in text_of(said["response"])

        card = await here.maya.waits_for("not done yet", channel="approvals")
        await here.maya.click("extension_deny:1", message=card)
        await here.maya.waits_for_modal("Why")
        await here.maya.submit({"reason": "ask again tomorrow"})
        await here.dana.waits_for("ask again tomorrow")
        after = await here.only()

        assert after.extension is None
        assert after.expires_at == before.expires_at


async def test_home_is_the_way_in_too(database: Database, road: str) -> None:
    """From the Home tab one asks, and an approver approves."""
    async with floor(database, road) as here:
        await here.dana.open_home()
        await here.sandbox.until(lambda: here.dana.home is not None)
        await here.dana.click("ask", view=here.dana.home)
        await here.dana.waits_for_modal("Ask for access")
        await here.dana.submit({"reason": "fix the stuck order"})
        await here.maya.open_home()
        await here.sandbox.until(lambda: "fix the stuck order" in text_of(here.maya.home))
        await here.maya.click("approve", view=here.maya.home)
        await here.until(State.ACTIVE)


async def test_only_the_home_tab_is_shown(database: Database) -> None:
    """Opening the messages tab of the app shows nobody a Home tab."""
    async with floor(database) as here:
        here.sandbox.events.home_opened(here.dana.id, "messages")
        await here.dana.command("/access help")

        assert here.sandbox.traffic.calls("views.publish") == []


async def test_looks(database: Database) -> None:
    """List, mine, who, audit and help answer from the rows, each in one private message."""
    async with floor(database) as here:
        await here.active()
        say = here.answers_to(here.dana)

        assert "usually 30 min, at most 4 h" in await say("/access list")
        assert "active until" in await say("/access mine")
        assert "<@U0DANA>" in await say("/access who prod-db")
        assert "grant started" in await say("/access audit")
        assert "/access extend prod-db 30m why" in await say("/access help")

        olga = here.answers_to(here.sandbox.person("U0OLGA"))

        assert "grant approved" in await olga("/access audit @dana 7d")
        assert "grant approved" in await olga("/access audit prod-db")
        assert "grant approved" in await olga("/access audit dana@example.com")
        assert "You have nothing" in await olga("/access mine")


async def test_revoke_by_line(database: Database) -> None:
    """`/access revoke` ends the only thing that one has; an admin names the beginning of an id."""
    async with floor(database) as here:
        grant = await here.active()
        olga = here.sandbox.person("U0OLGA")
        said = await olga.command(f"/access revoke {grant.id[:5]} enough of it")

        assert "is being taken away" in text_of(said["response"])
        await here.until(State.ENDED)


async def test_gone_resource_can_still_be_revoked(database: Database) -> None:
    """What the policy has no more is still one's own to end, by its name."""
    async with floor(database) as here:
        await here.active()
        here.drop("prod-db")
        said = await here.dana.command("/access revoke prod-db")

        assert "is being taken away" in text_of(said["response"])
