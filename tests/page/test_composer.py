"""Writing: hints, proposals, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox.seed import DANA, GENERAL, MAYA
from tests.page.porter import USAGE
from tests.page.stage import composer, send, window

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.page.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def field_of(stage: Stage) -> tuple[Locator, Locator]:
    """Dana's window at #general, and its field."""
    dana = window(await stage.open(f"{DANA}:{GENERAL}"), DANA)
    return dana, composer(dana)


async def test_a_slash_proposes_the_commands(stage: Stage) -> None:
    """Enter takes the proposal instead of sending half a word."""
    dana, field = await field_of(stage)
    await field.press_sequentially("/ac")
    option = dana.get_by_role("option", name="/access")
    await expect(option).to_have_attribute("aria-selected", "true")
    await field.press("Enter")
    await expect(field).to_have_value("/access ")


async def test_the_forms_of_a_command_are_shown_and_completed(stage: Stage) -> None:
    """Each form of the usage hint is a line; Tab fills in its words."""
    dana, field = await field_of(stage)
    await field.press_sequentially("/access ")
    for form in USAGE.split(" | "):
        await expect(dana.get_by_role("option", name=f"/access {form}", exact=True)).to_be_visible()
    await field.press_sequentially("w")
    await field.press("Tab")
    await expect(field).to_have_value("/access who ")
    await field.press_sequentially("prod-db")
    await expect(dana.get_by_text(f"/access {USAGE}")).to_be_visible()


async def test_enter_sends_a_whole_command(stage: Stage) -> None:
    """No proposal stands in the way of a line that is complete."""
    dana, field = await field_of(stage)
    await field.press_sequentially("/access prod-db 30m fix order")
    await field.press("Enter")
    await expect(dana.locator(".message.ephemeral")).to_contain_text("Asked")
    await expect(field).to_have_value("")
    await field.press("ArrowUp")
    await expect(field).to_have_value("/access prod-db 30m fix order")


async def test_an_unknown_command_is_refused_and_kept(stage: Stage) -> None:
    """Nothing is sent; the words stay to be mended."""
    dana, field = await field_of(stage)
    await send(dana, "/allow prod-db")
    await expect(dana.locator(".composer-note").first).to_contain_text(
        "/allow is not a valid command"
    )
    await expect(field).to_have_value("/allow prod-db")


async def test_a_name_is_proposed_and_becomes_a_mention(stage: Stage) -> None:
    """The one who is meant sees it marked."""
    page = await stage.open(f"{DANA}:{GENERAL}", f"{MAYA}:{GENERAL}")
    dana, maya = window(page, DANA), window(page, MAYA)
    field = composer(dana)
    await field.press_sequentially("hello @ma")
    await field.press("Enter")
    await expect(field).to_have_value("hello @maya ")
    await field.press("Enter")
    await expect(maya.locator(".mention.me")).to_have_text("@Maya (manager)")


async def test_shift_enter_makes_a_line(stage: Stage) -> None:
    """Enter alone sends both lines as one message."""
    dana, field = await field_of(stage)
    await field.press_sequentially("one")
    await field.press("Shift+Enter")
    await field.press_sequentially("two")
    await field.press("Enter")
    await expect(dana.locator(".message .mrkdwn")).to_have_text("onetwo")
    await expect(dana.locator(".message .mrkdwn br")).to_have_count(1)
