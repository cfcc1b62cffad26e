"""Asking, deciding and talking, as people do it on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox.faults import Fault, FaultKind
from sandbox.seed import APPROVALS, AUDIT, DANA, GENERAL, MAYA
from tests.page.porter import active, pending, plain, section
from tests.page.stage import composer, named, send, window

if TYPE_CHECKING:
    from tests.page.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_request_is_asked_and_approved_side_by_side(stage: Stage) -> None:
    """The card stands in both windows, and what the app makes of the click in both too."""
    _, dana, maya = await stage.pair()
    await send(dana, "/access prod-db 30m fix order 4711")
    await named(maya, "Approve").click()
    for one in (dana, maya):
        await expect(one.get_by_text("Granted")).to_be_visible()
        await expect(named(one, "Approve")).to_have_count(0)
        await expect(named(one, "1 reply")).to_be_visible()
    assert stage.porter.pressed == ["approve"]


async def test_an_ephemeral_answer_is_seen_by_its_person_alone(stage: Stage) -> None:
    """It says so, and Dismiss puts it away."""
    _, dana, maya = await stage.pair()
    await send(dana, "/access prod-db 30m fix order 4711")
    whisper = dana.locator(".message.ephemeral")
    await expect(whisper).to_contain_text("Only visible to you")
    await expect(whisper).to_contain_text("waiting for @dba")
    await expect(named(maya, "Approve")).to_be_visible()
    await expect(maya.locator(".message.ephemeral")).to_have_count(0)
    await named(dana, "Dismiss message").click()
    await expect(whisper).to_have_count(0)


async def test_a_button_shows_that_its_click_is_on_the_way(stage: Stage) -> None:
    """It is busy until the app answers, and a second click meanwhile is nothing."""
    _, _, maya = await stage.pair()
    await stage.porter.post(pending("wait"))
    hold = named(maya, "Hold")
    await hold.click()
    await expect(hold).to_have_attribute("aria-busy", "true")
    await expect(maya.get_by_text("working…")).to_be_visible()
    await hold.click(force=True)
    stage.porter.gate.set()
    await expect(hold).not_to_have_attribute("aria-busy", "true")
    await expect(hold).to_be_focused()
    assert stage.porter.pressed == ["hold"]


async def test_a_click_that_the_app_does_not_answer_is_said_at_the_card(stage: Stage) -> None:
    """The sentence names what happened; the buttons stay."""
    _, _, maya = await stage.pair()
    await stage.porter.post(pending("lost"))
    stage.sandbox.faults.add(Fault("deliver", FaultKind.LOSE))
    await named(maya, "Approve").click()
    await expect(maya.get_by_role("alert")).to_contain_text("did not answer")
    await named(maya, "Dismiss").click()
    await expect(maya.get_by_role("alert")).to_have_count(0)
    await expect(named(maya, "Approve")).to_be_visible()


async def test_a_command_that_the_app_does_not_answer_keeps_its_words(stage: Stage) -> None:
    """The line can be sent again without writing it again."""
    _, dana, _ = await stage.pair()
    stage.sandbox.faults.add(Fault("deliver", FaultKind.LOSE))
    await send(dana, "/access prod-db 30m fix")
    await expect(dana.locator(".composer-note").first).to_contain_text("/access failed")
    await expect(composer(dana)).to_have_value("/access prod-db 30m fix")


async def test_a_dangerous_button_asks_first(stage: Stage) -> None:
    """Keep it does nothing, Escape neither; Revoke now does it; the focus comes back."""
    page, _, maya = await stage.pair()
    await stage.porter.post(active(stage.sandbox.workspace.clock.now() + 600))
    revoke = maya.locator(".message").get_by_role("button", name="Revoke now")
    for leave in ("Keep it", None):
        await revoke.click()
        dialog = maya.get_by_role("alertdialog", name="Revoke access now?")
        await expect(dialog).to_contain_text("ends at once")
        await expect(named(dialog, "Keep it")).to_be_focused()
        await (named(dialog, leave).click() if leave else page.keyboard.press("Escape"))
        await expect(dialog).to_have_count(0)
        await expect(revoke).to_be_focused()
    assert stage.porter.pressed == []
    await revoke.click()
    await named(maya.get_by_role("alertdialog"), "Revoke now").click()
    await expect(maya.get_by_text("Ended")).to_be_visible()
    assert stage.porter.pressed == ["revoke"]


async def test_a_question_blocks_its_own_window_only(stage: Stage) -> None:
    """Behind the dialog nothing is reached; the person beside it works on."""
    _, dana, maya = await stage.pair()
    await stage.porter.post(active(stage.sandbox.workspace.clock.now() + 600))
    await maya.get_by_role("button", name="Revoke now").click()
    await expect(maya.locator(".frame")).to_have_attribute("inert", "")
    await send(dana, "still here")
    await expect(dana.get_by_text("still here")).to_be_visible()


async def test_a_thread_is_read_and_answered_in_its_panel(stage: Stage) -> None:
    """The count follows, the channel stays clean, commands are refused, Escape closes."""
    page, dana, maya = await stage.pair()
    await stage.porter.post([section(plain("The card"))])
    await dana.get_by_text("The card").hover()
    await dana.get_by_role("button", name="Reply in thread").click()
    thread = dana.get_by_role("complementary", name="Thread")
    reply = thread.locator(".composer-field")
    await expect(reply).to_be_focused()
    await reply.fill("Which order?")
    await reply.press("Enter")
    await expect(thread.get_by_text("Which order?")).to_be_visible()
    await expect(named(maya, "1 reply")).to_be_visible()
    await expect(maya.get_by_text("Which order?")).to_have_count(0)
    await reply.fill("/access list")
    await reply.press("Enter")
    await expect(thread.get_by_role("status").last).to_contain_text("not supported in threads")
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()
    await expect(named(dana, "1 reply")).to_be_focused()


async def test_unread_counts_come_and_go(stage: Stage) -> None:
    """What is new elsewhere is counted; going there takes the number away and marks where."""
    page = await stage.open(f"{MAYA}:{GENERAL}")
    maya = window(page, MAYA)
    await stage.porter.post([section(plain("one"))])
    place = maya.locator(f'[data-channel="{APPROVALS}"]')
    await expect(place).to_contain_text("1 unread")
    await expect(page).to_have_title("(1) Sandbox workspace")
    await place.click()
    await expect(maya.get_by_text("one", exact=True)).to_be_visible()
    await expect(place).not_to_contain_text("unread")
    await expect(page).to_have_title("Sandbox workspace")


async def test_the_apps_page_has_home_messages_and_about(stage: Stage) -> None:
    """Opening Home tells the app, and what it publishes appears."""
    page = await stage.open(DANA)
    dana = window(page, DANA)
    await dana.get_by_role("navigation").get_by_role("button", name="Curfew").click()
    await named(dana, "Home").click()
    await expect(dana.get_by_role("heading", name="What I have")).to_be_visible()
    await named(dana, "About").click()
    await expect(dana.get_by_text("/access [resource]")).to_be_visible()
    await named(dana, "Messages").click()
    await expect(composer(dana)).to_have_attribute("aria-label", "Message Curfew")


async def test_many_messages_are_read_page_by_page(stage: Stage) -> None:
    """The newest are there at once and in view, earlier ones when asked for."""
    player = stage.sandbox.person(DANA)
    for number in range(130):
        await player.say(f"line {number}.", channel=AUDIT)
    page = await stage.open(f"{DANA}:{AUDIT}")
    dana = window(page, DANA)
    await expect(dana.get_by_text("line 129.")).to_be_in_viewport()
    await expect(dana.get_by_text("line 5.", exact=True)).to_have_count(0)
    await named(dana, "Earlier messages").click()
    await expect(dana.get_by_text("line 5.", exact=True)).to_have_count(1)
    await expect(named(dana, "Earlier messages")).to_have_count(0)
