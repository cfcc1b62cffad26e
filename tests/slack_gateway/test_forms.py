"""Forms: times as people write them, and what happens when Slack or the form is difficult."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from adapters.demo import Fault as ProviderFault
from bot.domain.grant import State
from sandbox.faults import Fault, FaultKind
from sandbox.player import text_of
from tests.slack_gateway.floor import floor
from tests.slack_gateway.test_refusals import pending, press

if TYPE_CHECKING:
    from bot.storage.database import Database

BERLIN = ZoneInfo("Europe/Berlin")
REASON = "fix the stuck order"


async def test_until_a_time_where_the_person_is(database: Database) -> None:
    """`until 18:00` in the form is the requester's 18:00, as in a line."""
    async with floor(database, max_duration=timedelta(days=2)) as here:
        await here.dana.command("/access prod-db")
        await here.dana.waits_for_modal("Ask for access")
        await here.dana.submit({"duration": "until 18:00", "reason": REASON})
        ends = (await here.only()).ends_by

        assert ends is not None
        assert ends.astimezone(BERLIN).strftime("%H:%M") == "18:00"


async def test_a_start_and_an_end(database: Database) -> None:
    """With a start picked, `until` is the first such time after it."""
    async with floor(database, max_duration=timedelta(days=2)) as here:
        await here.dana.command("/access prod-db")
        await here.dana.waits_for_modal("Ask for access")
        start = (database.clock.now() + timedelta(days=3)).replace(hour=20, minute=0, second=0)
        filled = {"start": int(start.timestamp()), "duration": "until 23:30", "reason": REASON}
        await here.dana.submit(filled)
        grant = await here.only()

        assert grant.starts_at == start.replace(microsecond=0)
        assert grant.ends_by is not None
        assert grant.starts_at < grant.ends_by < grant.starts_at + timedelta(days=1)


async def test_a_start_that_has_passed_is_at_once(database: Database) -> None:
    """Whoever was slow with the form asks for access from now on."""
    async with floor(database) as here:
        await here.dana.command("/access prod-db")
        await here.dana.waits_for_modal("Ask for access")
        before = int(database.clock.now().timestamp()) - 60
        await here.dana.submit({"start": before, "duration": "30m", "reason": REASON})

        assert (await here.only()).starts_at is None


@pytest.mark.parametrize("typed", ["until", "until 18:00 tomorrow or so", "30", "soon", "-5m"])
async def test_no_time_at_all(database: Database, typed: str) -> None:
    """What is no time is said beside the field, with a form that is one."""
    async with floor(database, max_duration=timedelta(days=2)) as here:
        await here.dana.command("/access prod-db")
        await here.dana.waits_for_modal("Ask for access")
        sent = await here.dana.submit({"duration": typed, "reason": REASON})

        assert set(sent["errors"]) == {"duration"}
        assert await here.grants() == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("views.update", FaultKind.RATELIMITED, retry_after=1),
        Fault("views.update", FaultKind.STATUS, status=503),
        Fault("views.update", FaultKind.DROP),
    ],
)
async def test_credentials_are_shown_at_the_second_try(database: Database, fault: Fault) -> None:
    """A form that could not be filled at once is filled a moment later."""
    async with floor(database) as here:
        await here.active()
        granted = await here.dana.waits_for("Get credentials")
        here.sandbox.faults.add(fault)
        await here.dana.click("Get credentials", message=granted)

        await here.dana.waits_for_modal("Shown once")


async def test_nobody_looks_any_more(database: Database) -> None:
    """A form that was closed meanwhile is left closed; nothing is told anywhere else."""
    async with floor(database) as here:
        await here.active()
        granted = await here.dana.waits_for("Get credentials")
        here.sandbox.faults.add(
            Fault("views.update", FaultKind.ERROR, times=None, error="not_found")
        )
        await here.dana.click("Get credentials", message=granted)
        await here.sandbox.until(lambda: here.sandbox.traffic.calls("views.update"))
        await here.dana.command("/access help")

        assert len(here.sandbox.traffic.calls("views.update")) == 1
        assert here.sandbox.traffic.calls("chat.postEphemeral") == []


async def test_the_provider_refuses_credentials(database: Database) -> None:
    """The form says so in the place of what was asked for."""
    async with floor(database) as here:
        await here.active()
        here.world.fail("issue", ProviderFault.REFUSE)
        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials", message=granted)

        await here.dana.waits_for_modal("The provider refused")


async def test_what_is_not_built_yet(database: Database) -> None:
    """Break-glass and Sign off are answered, not ignored."""
    async with floor(database) as here:
        card = await pending(here)
        say = here.answers_to(here.dana)
        payload = press(here, card, "U0MAYA")
        payload["actions"][0]["action_id"] = "sign_off"
        await here.sandbox.redelivery.forged({"type": "interactive", "payload": payload})

        await here.maya.waits_for("not available yet", channel="approvals")
        assert "not available yet" in await say("/access emergency prod-db")


async def test_a_form_about_a_grant_that_is_none(database: Database) -> None:
    """What a form remembers travels through the person's client: it is looked up, not believed."""
    async with floor(database) as here:
        card = await pending(here)
        await here.maya.click("Deny", message=card)
        view = await here.maya.waits_for_modal("Why")
        for remembered in ('{"grant": "zzzzzzzzzzzz"}', "nonsense", "[]", ""):
            payload = {
                "type": "view_submission",
                "user": {"id": "U0MAYA", "team_id": here.sandbox.workspace.team_id},
                "view": {**view, "id": f"V{len(remembered)}", "private_metadata": remembered},
            }
            said = await here.gateway.dispatch(payload, headers={})

            assert "There is no grant" in said.body

        assert (await here.only()).state is State.PENDING


async def test_a_stranger_sends_a_form(database: Database) -> None:
    """Forms are no way around the check of who comes from where."""
    async with floor(database) as here:
        card = await pending(here)
        await here.maya.click("Deny", message=card)
        view = await here.maya.waits_for_modal("Why")
        payload = {
            "type": "view_submission",
            "user": {"id": "U0MAYA", "team_id": "T0ELSEWHERE"},
            "view": view,
        }
        said = await here.gateway.dispatch(payload, headers={})

        assert "People of other workspaces" in said.body
        assert (await here.only()).state is State.PENDING


async def test_a_form_without_questions(database: Database) -> None:
    """A refusal that has no field to stand beside takes the form's place."""
    async with floor(database) as here:
        payload = {
            "type": "view_submission",
            "user": {"id": "U0DANA", "team_id": "T0ELSEWHERE"},
            "view": {"id": "V1", "type": "modal", "callback_id": "notice_form", "state": {}},
        }
        said = await here.gateway.dispatch(payload, headers={})

        assert '"response_action": "update"' in said.body
        assert "People of other workspaces" in said.body


async def test_many_offers_in_a_list(database: Database) -> None:
    """A long list says how much of it is not shown."""
    async with floor(database) as here:
        plain = here.rules.current.resources["prod-db"]
        here.offer(plain, 60)
        said = await here.answers_to(here.dana)("/access list")

        assert "… and 20 more." in said
        assert len(text_of(said)) < 12_000
