"""Forms, the Home tab, and the page on a small screen and in the dark."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from sandbox.seed import APPROVALS, DANA, MAYA
from tests.e2e.demo import (
    Demo,
    button,
    form,
    go,
    go_home,
    gone,
    message,
    press,
    shoot,
    window,
    write,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_asked_by_the_form_and_denied(demo: Demo) -> None:
    """What is missing or wrong is said at its field; the denial's reason reaches Dana."""
    page = await demo.open(f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}")
    dana, maya = window(page, DANA), window(page, MAYA)
    await write(dana, "/access")
    ask = form(dana, "Ask for access")
    await expect(ask).to_be_visible()
    await shoot(page, "form-1-empty")
    await press(ask, "Ask")
    await expect(ask.get_by_text("Please complete this required field.")).to_have_count(2)
    await ask.get_by_label("What").select_option(label="prod-db")
    await ask.get_by_label("For how long").fill("ten minutes")
    await ask.get_by_label("Why").fill("fix")
    await press(ask, "Ask")
    await expect(ask.get_by_text("is not a duration")).to_be_visible()
    await ask.get_by_label("For how long").fill("10m")
    await press(ask, "Ask")
    await expect(ask.get_by_text("asks for 5 at least")).to_be_visible()
    await shoot(page, "form-2-errors")
    await ask.get_by_label("Why").fill("fix it on a Friday")
    await press(ask, "Ask")
    await gone(ask)
    card = message(maya, "fix it on a Friday")
    await press(card, "Approve shorter")
    shorter = form(maya, "Approve shorter")
    await shorter.get_by_label("For how long").fill("20m")
    await press(shorter, "Approve")
    await expect(shorter.get_by_text("lengthen")).to_be_visible()
    await shoot(page, "form-3-shorter")
    await press(shorter, "Cancel")
    await press(card, "Deny")
    deny = form(maya, "Deny")
    await deny.get_by_label("Why").fill("not on a Friday")
    await shoot(page, "form-4-deny")
    await press(deny, "Deny")
    await expect(message(maya, "fix it on a Friday")).to_contain_text("Denied by")
    await go(dana, "Curfew")
    await expect(message(dana, "not on a Friday")).to_contain_text("Denied by @Maya")
    await shoot(page, "form-5-denied")


async def test_the_home_tab(demo: Demo) -> None:
    """Dana asks from hers, Maya approves on hers, and Dana ends it there."""
    page = await demo.open(f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}")
    dana, maya = window(page, DANA), window(page, MAYA)
    await go_home(dana)
    await go_home(maya)
    await expect(dana.get_by_text("What you may ask for")).to_be_visible()
    await dana.locator(".home").get_by_role("button", name="Ask for prod-db", exact=True).click()
    ask = form(dana, "Ask for access")
    await ask.get_by_label("For how long").fill("3m")
    await ask.get_by_label("Why").fill("from the Home tab")
    await press(ask, "Ask")
    await expect(maya.locator(".home")).to_contain_text("from the Home tab")
    await shoot(page, "home-1-waiting")
    await button(maya.locator(".home"), "Approve").click()
    mine = button(dana.locator(".home"), "Revoke now")
    await expect(mine).to_be_visible()
    await expect(button(dana.locator(".home"), "Get credentials")).to_be_visible()
    await shoot(page, "home-2-active")
    await mine.click()
    await expect(dana.locator(".home")).to_contain_text("Nothing right now.")
    await shoot(page, "home-3-ended")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_on_a_telephone(demo: Demo, *, dark: bool) -> None:
    """Asked, approved and ended in one narrow window; nothing sticks out."""
    name = "dark" if dark else "light"
    page = await demo.open(f"{DANA}:{APPROVALS}", width=390, height=780, dark=dark)
    dana = window(page, DANA)
    await write(dana, f"/access prod-db 2m on a telephone, {name}")
    other = await demo.open(f"{MAYA}:{APPROVALS}", width=390, height=780, dark=dark)
    maya = window(other, MAYA)
    card = message(maya, f"on a telephone, {name}")
    await expect(button(card, "Approve")).to_be_visible()
    await shoot(other, f"narrow-1-{name}")
    await press(card, "Approve")
    await expect(card).to_contain_text("Active until")
    for one in (page, other):
        wide = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        assert await one.evaluate(wide) <= 0
    await write(dana, "/access revoke prod-db")
    await expect(message(dana, f"on a telephone, {name}")).to_contain_text("Ended, checked")
    await shoot(page, f"narrow-2-{name}")


async def test_everything_at_a_glance(demo: Demo) -> None:
    """Help, list and mine are answered where they were typed; a newcomer's page has its steps."""
    page = await demo.open(width=1400)
    await expect(page.get_by_role("region", name="First steps")).to_be_visible()
    await shoot(page, "first-page")
    dark = await demo.open(f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}", dark=True)
    dana = window(dark, DANA)
    for line, words in (
        ("/access help", "gone on time"),
        ("/access list", "What you may ask for"),
        ("/access mine", "You have nothing"),
        ("/access who prod-db", "Nobody has"),
        ("/access audit 1d", "The log has nothing about that"),
    ):
        await write(dana, line)
        await expect(dana.locator(".message.ephemeral").last).to_contain_text(words)
        await shoot(dark, f"look-{line.split()[1]}")
