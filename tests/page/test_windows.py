"""Who one is, side by side or alone; the server that goes and comes; the keyboard between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox.seed import APPROVALS, DANA, DORIS, GENERAL, MAYA, OLGA, OMAR
from sandbox.server import SandboxServer
from sandbox.workspace import BOT_USER
from tests.page.porter import active, plain, section
from tests.page.stage import composer, named, window

if TYPE_CHECKING:
    from tests.page.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_newcomer_sees_asker_and_approver_side_by_side(stage: Stage) -> None:
    """On a wide screen; on a narrow one there is one window."""
    wide = await stage.open()
    await expect(wide.locator(".window")).to_have_count(2)
    await expect(window(wide, DANA)).to_be_visible()
    await expect(window(wide, MAYA)).to_be_visible()
    narrow = await stage.open(width=360, height=700)
    await expect(narrow.locator(".window")).to_have_count(1)


async def test_a_window_becomes_somebody_else(stage: Stage) -> None:
    """By keyboard: open, arrow or letter, Enter; who cannot sign in cannot be chosen."""
    page = await stage.open(f"{DANA}:{GENERAL}")
    switch = page.get_by_role("button", name="You are: Dana")
    await switch.press("Enter")
    menu = page.get_by_role("menu")
    await expect(menu.get_by_role("menuitemradio", name="Dana")).to_be_focused()
    await expect(menu.get_by_role("menuitemradio", name="Doris")).to_be_disabled()
    await page.keyboard.press("o")
    await page.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("menuitemradio", name="Olga")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(window(page, OLGA)).to_be_visible()
    await expect(page.get_by_role("button", name="You are: Olga")).to_be_focused()
    await expect(page.locator(f'.window[data-as="{DORIS}"]')).to_have_count(0)


async def test_three_windows_fit_and_the_address_keeps_them(stage: Stage) -> None:
    """Loading the page again shows the same people at the same places."""
    page = await stage.open(f"{DANA}:{GENERAL}", f"{MAYA}:{APPROVALS}")
    await page.get_by_role("button", name="3 windows").click()
    await expect(page.locator(".window .log")).to_have_count(6)  # each with its thread's
    third = f"{OMAR}:{GENERAL}"
    await expect(page).to_have_url(
        f"{stage.sandbox.url}/#{DANA}:{GENERAL},{MAYA}:{APPROVALS},{third}"
    )
    await page.reload()
    await expect(page.locator(".window")).to_have_count(3)
    await expect(window(page, MAYA).get_by_role("heading", name="approvals")).to_be_visible()


async def test_f6_goes_from_window_to_window(stage: Stage) -> None:
    """And round again."""
    page, dana, maya = await stage.pair()
    await composer(dana).focus()
    await page.keyboard.press("F6")
    await expect(composer(maya)).to_be_focused()
    await page.keyboard.press("F6")
    await expect(composer(dana)).to_be_focused()


async def test_first_steps_write_the_line_for_the_person(stage: Stage) -> None:
    """The note names who and where; closing is remembered, the bar brings them back."""
    stage.sandbox.workspace.notes[:] = [
        f"As <@{DANA}>, in <#{GENERAL}>: `/access prod-db 2m fix <script>x</script>`",
        f"<@{DANA}> looks at <#{APPROVALS}> and at <@{BOT_USER}>",
    ]
    page = await stage.open(f"{MAYA}:{APPROVALS}", f"{DANA}:{APPROVALS}")
    steps = page.get_by_role("region", name="First steps")
    await steps.get_by_role("button", name="/access prod-db").click()
    dana = window(page, DANA)
    await expect(dana.get_by_role("heading", name="general")).to_be_visible()
    await expect(composer(dana)).to_have_value("/access prod-db 2m fix <script>x</script>")
    await expect(composer(dana)).to_be_focused()
    await named(steps, "Next").click()
    await expect(named(steps, "Next")).to_be_focused()
    await named(steps, "#approvals").click()
    await expect(dana.get_by_role("heading", name="approvals")).to_be_visible()
    await named(steps, "Curfew").click()
    await expect(dana.get_by_role("heading", name="Curfew")).to_be_visible()
    await steps.get_by_role("button", name="Close the first steps").click()
    await expect(steps).to_have_count(0)
    await page.get_by_role("button", name="First steps").click()
    await expect(steps).to_be_visible()


async def test_first_steps_in_plain_words_are_understood(stage: Stage) -> None:
    """The command, the channel and the person after "As" are found without any markup."""
    stage.sandbox.workspace.notes[:] = [
        "You are everybody here: Dana asks, #nowhere is no channel.",
        "As Maya, look at #approvals",
        "As Dana, type: /access prod-db 2m look at the stuck orders",
    ]
    page = await stage.open(f"{DANA}:{GENERAL}", f"{MAYA}:{GENERAL}")
    steps = page.get_by_role("region", name="First steps")
    await expect(steps.get_by_role("status")).to_have_text(stage.sandbox.workspace.notes[0])
    await named(steps, "Next").click()
    await named(steps, "Next").click()
    await named(steps, "/access prod-db 2m look at the stuck orders").click()
    await expect(composer(window(page, DANA))).to_have_value(
        "/access prod-db 2m look at the stuck orders"
    )
    await named(steps, "Back").click()
    await expect(steps).to_contain_text("2 of 3")
    await named(steps, "#approvals").click()
    await expect(window(page, MAYA).get_by_role("heading", name="approvals")).to_be_visible()


async def test_a_countdown_follows_the_sandbox_clock(stage: Stage) -> None:
    """It counts to the end, looks urgent in the last minute and then says that it is over."""
    page, dana, _ = await stage.pair()
    del page
    await stage.porter.post(active(stage.sandbox.workspace.clock.now() + 1800))
    chip = dana.get_by_role("timer")
    await expect(chip).to_have_text(re.compile(r"^in (30:00|29:5\d)$"))
    stage.sandbox.advance(1750)
    await expect(chip).to_contain_text("in 0:")
    await expect(chip).to_have_class("countdown soon")
    stage.sandbox.advance(60)
    await expect(chip).to_have_text("now")


async def test_a_reset_workspace_is_shown_as_it_is(stage: Stage) -> None:
    """Nothing of before stays on the page."""
    _, dana, _ = await stage.pair()
    await stage.porter.post([section(plain("before"))])
    await expect(dana.get_by_text("before")).to_be_visible()
    stage.sandbox.reset()
    await expect(dana.get_by_text("before")).to_have_count(0)
    await stage.porter.post([section(plain("after"))])
    await expect(dana.get_by_text("after")).to_be_visible()


async def test_a_person_who_changed_is_shown_as_they_are(stage: Stage) -> None:
    """The new name stands everywhere, and what was being typed stays."""
    page, dana, maya = await stage.pair()
    await stage.sandbox.person(MAYA).say("hello", channel=APPROVALS)
    await composer(dana).fill("half a sen")
    stage.sandbox.admin.change_user(MAYA, real_name="Maya (on leave)")
    await expect(page.get_by_role("button", name="You are: Maya (on leave)")).to_be_visible()
    await expect(dana.locator(".byline")).to_contain_text("Maya (on leave)")
    await expect(maya.locator(".byline")).to_contain_text("Maya (on leave)")
    await expect(composer(dana)).to_have_value("half a sen")


async def test_a_server_that_went_away_is_said_and_found_again(stage: Stage) -> None:
    """The banner comes and goes; what happened meanwhile is there."""
    page, dana, _ = await stage.pair()
    port = int(stage.sandbox.url.rsplit(":", 1)[1])
    banner = page.locator("#banner")
    await stage.porter.stop()
    await stage.sandbox.stop()
    await expect(banner).to_contain_text("does not answer")
    async with SandboxServer(port=port) as again:
        await again.person(DANA).say("back again", channel=APPROVALS)
        await expect(dana.get_by_text("back again")).to_be_visible()
        await expect(banner).to_be_empty()
        # The refused connections stand in the console, as they should: they are no complaint.
        stage.complaints[:] = [line for line in stage.complaints if "ERR_" not in line]
        await stage.close()
