"""Forms that the app opens: fields, errors in place, the keyboard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox.faults import Fault, FaultKind
from sandbox.seed import DANA, GENERAL, MAYA
from tests.page.porter import mrkdwn, pending, plain, section
from tests.page.stage import composer, named, send, window

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.page.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def form_of(stage: Stage) -> tuple[Page, Locator, Locator]:
    """A page, Dana's window and the form that the command opened in it."""
    page = await stage.open(f"{DANA}:{GENERAL}")
    dana = window(page, DANA)
    await send(dana, "/access form")
    form = dana.get_by_role("dialog", name="Say more")
    await expect(form).to_be_visible()
    return page, dana, form


async def test_a_form_is_filled_and_sent(stage: Stage) -> None:
    """What was put in arrives as Slack would send it, and the form goes."""
    _, dana, form = await form_of(stage)
    await form.get_by_label("Resource").select_option("prod-db")
    await form.get_by_label("Reason").fill("fix order 4711")
    await form.get_by_label("Starts on").fill("2026-12-01")
    await form.get_by_label("Starts at").fill("2026-10-25T22:00")
    await form.get_by_role("checkbox", name="Maya").check()
    await form.get_by_role("radio", name="prod-db-write").check()
    await form.get_by_role("checkbox", name="prod-db", exact=True).check()
    await named(form, "Send").click()
    await expect(form).to_have_count(0)
    await expect(composer(dana)).to_be_focused()
    (values,) = stage.porter.submitted
    told = {block: next(iter(fields.values())) for block, fields in values.items()}
    write = {"text": plain("prod-db-write"), "value": "prod-db-write"}
    assert told["resource"]["selected_option"]["value"] == "prod-db"
    assert told["reason"] == {"type": "plain_text_input", "value": "fix order 4711"}
    assert told["day"] == {"type": "datepicker", "selected_date": "2026-12-01"}
    # Dana is in Berlin, where the clocks went back that morning.
    at = int(datetime(2026, 10, 25, 21, tzinfo=UTC).timestamp())
    assert told["moment"] == {"type": "datetimepicker", "selected_date_time": at}
    assert told["who"] == {"type": "multi_users_select", "selected_users": [MAYA]}
    assert told["kind"]["selected_option"]["value"] == write["value"]
    assert [one["value"] for one in told["also"]["selected_options"]] == ["prod-db"]


async def test_an_empty_field_is_refused_before_anything_is_sent(stage: Stage) -> None:
    """Each required field says so, the first has the focus, and the app hears nothing."""
    _, _, form = await form_of(stage)
    await named(form, "Send").click()
    await expect(form.get_by_text("Please complete this required field.")).to_have_count(2)
    await expect(form.get_by_label("Resource")).to_be_focused()
    assert stage.porter.submitted == []


async def test_an_error_of_the_app_stands_at_its_field(stage: Stage) -> None:
    """Tied to the field for screen readers; what was typed stays; a change takes the error away."""
    _, _, form = await form_of(stage)
    reason = form.get_by_label("Reason")
    await form.get_by_label("Resource").select_option("prod-db")
    await reason.fill("x")
    await named(form, "Send").click()
    await expect(reason).to_be_focused()
    await expect(reason).to_have_attribute("aria-invalid", "true")
    await expect(reason).to_have_accessible_description("Say it in 5 characters or more.")
    await expect(reason).to_have_value("x")
    await expect(form.get_by_label("Resource")).to_have_value("prod-db")
    await reason.press("End")
    await reason.type("yes")
    await expect(reason).not_to_have_attribute("aria-invalid", "true")
    await expect(form.get_by_text("Say it in 5")).to_have_count(0)


async def test_an_app_that_does_not_answer_leaves_the_form_open(stage: Stage) -> None:
    """With what was typed, and a sentence."""
    _, _, form = await form_of(stage)
    await form.get_by_label("Resource").select_option("prod-db")
    await form.get_by_label("Reason").fill("fix order 4711")
    stage.sandbox.faults.add(Fault("deliver", FaultKind.LOSE))
    await named(form, "Send").click()
    await expect(form.get_by_role("alert")).to_contain_text("did not answer")
    await expect(form.get_by_label("Reason")).to_have_value("fix order 4711")


async def test_tab_stays_in_the_form_and_escape_closes_it(stage: Stage) -> None:
    """The focus goes round, and back to where the form was opened from."""
    page, dana, form = await form_of(stage)
    await expect(form.get_by_label("Resource")).to_be_focused()
    await named(form, "Send").focus()
    await page.keyboard.press("Tab")
    await expect(named(form, "Close")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(named(form, "Send")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(form).to_have_count(0)
    await expect(composer(dana)).to_be_focused()
    assert stage.sandbox.workspace.views.stack(DANA) == []


async def test_a_form_on_top_of_another_gives_it_back_as_it_was(stage: Stage) -> None:
    """Closing the upper one shows the lower one with what was typed there."""
    page, dana, form = await form_of(stage)
    await form.get_by_label("Reason").fill("half a")
    await named(form, "Look closer").click()
    await expect(dana.get_by_role("dialog", name="Closer")).to_contain_text("Near")
    await page.keyboard.press("Escape")
    await expect(form.get_by_label("Reason")).to_have_value("half a")


async def test_a_form_opened_by_a_button_returns_the_focus_to_it(stage: Stage) -> None:
    """The card may have been drawn anew meanwhile."""
    page, _, maya = await stage.pair()
    await stage.porter.post(pending("why"))
    await named(maya, "Deny").click()
    await expect(maya.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(maya.get_by_role("dialog")).to_have_count(0)
    await expect(named(maya, "Deny")).to_be_focused()


async def test_a_form_that_is_filled_in_later_is_announced_and_can_be_copied(stage: Stage) -> None:
    """As for credentials: a form at once, then its content with a button that copies the line."""
    page = await stage.open(f"{DANA}:{GENERAL}")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = {
        "type": "modal",
        "title": plain("Credentials"),
        "blocks": [section(plain("One moment"))],
    }
    trigger = stage.sandbox.workspace.views.new_trigger(DANA)
    opened = await stage.porter.client.views_open(trigger_id=trigger, view=view)
    form = window(page, DANA).get_by_role("dialog", name="Credentials")
    await expect(form).to_be_focused()
    await expect(form.get_by_text("One moment")).to_be_visible()
    line = "psql 'postgresql://curfew_7k3m:a<b>&c@127.0.0.1/orders'"
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    view["blocks"] = [section(mrkdwn(f"Paste this:\n```{escaped}```"))]
    await stage.porter.client.views_update(view_id=opened["view"]["id"], view=view)
    await expect(form.locator("pre")).to_have_text(line)
    await expect(form.get_by_role("status")).to_have_text("Credentials: updated")
    await expect(form).to_be_focused()
    await form.get_by_role("button", name="Copy").click()
    await expect(form.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == line
