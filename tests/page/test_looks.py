"""What can be measured of how the page looks: contrast, narrow screens, names for everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox.seed import APPROVALS, DANA, MAYA
from tests.page.porter import active, mrkdwn, pending, section
from tests.page.stage import named, send, window

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.page.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

PALE = """() => {
  // Canvas turns every way of writing a colour into red, green, blue and alpha.
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = rgba(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const words = walker.currentNode.textContent.trim();
    if (!words || box.width < 2 || style.visibility === 'hidden') continue;
    if (element.closest('[inert], .sr-only, [aria-disabled=true], .emoji')) continue;
    const [a, b] = [light(rgba(style.color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)} ${words.slice(0, 30)} (${element.className})`);
  }
  return pale;
}"""


async def filled(stage: Stage, *, dark: bool = False, width: int = 1400) -> Page:
    """A page with a bit of everything on it."""
    stage.sandbox.workspace.notes[:] = [f"As <@{DANA}>: write `/access prod-db 2m fix order 4711`"]
    now = stage.sandbox.workspace.clock.now()
    await stage.porter.post(active(now + 30))
    await stage.porter.post(pending("a reason " * 20 + "and" + "a" * 300))
    words = (
        f"*b* _i_ ~s~ `code {'x' * 200}` <https://example.com/{'y' * 90}> <@{DANA}> <@{MAYA}>"
        f"\n> quoted\n```psql 'postgresql://{'z' * 300}'```\n<!date^{int(now + 3000)}^{{time}}|x>"
    )
    fields = [mrkdwn(f"*Field {number}*\nvalue") for number in range(4)]
    await stage.porter.post([section(mrkdwn(words), fields=fields), {"type": "divider"}])
    whose = [f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}"]
    page = await stage.open(*whose, dark=dark, width=width)
    dana = window(page, DANA)
    await send(dana, "/access prod-db 30m fix")
    await expect(dana.locator(".message.ephemeral")).to_be_visible()
    return page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_all_words_stand_out_from_their_ground(stage: Stage, *, dark: bool) -> None:
    """4.5 to 1 or better: page, menu, form with errors, question."""
    page = await filled(stage, dark=dark)
    assert await page.evaluate(PALE) == []
    dana, maya = window(page, DANA), window(page, MAYA)
    await maya.locator(".person").click()
    assert await page.evaluate(PALE) == []
    await page.keyboard.press("Escape")
    await named(maya, "Deny").last.click()
    await named(maya.get_by_role("dialog"), "Send").click()
    await dana.get_by_role("button", name="Revoke now").click()
    await expect(maya.get_by_text("Please complete").first).to_be_visible()
    assert await page.evaluate(PALE) == []


@pytest.mark.parametrize("width", [360, 700, 1400])
async def test_nothing_sticks_out_sideways(stage: Stage, width: int) -> None:
    """Neither the page nor any window nor any list in it scrolls to the side."""
    page = await filled(stage, width=width)
    script = """() => [document.scrollingElement]
      .concat(...document.querySelectorAll('.window, .scroller, .home'))
      .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
      .map((one) => `${one.className} ${one.scrollWidth} > ${one.clientWidth}`)"""
    assert await page.evaluate(script) == []


async def test_a_narrow_window_has_its_channels_in_a_drawer(stage: Stage) -> None:
    """The drawer opens, a choice closes it, Escape too; hidden channels are not reached by Tab."""
    page = await stage.open(f"{DANA}:{APPROVALS}", width=360, height=700)
    dana = window(page, DANA)
    channels = dana.get_by_role("navigation")
    await expect(channels).to_be_hidden()
    await named(dana, "Channels").click()
    await channels.get_by_role("button", name="general").click()
    await expect(channels).to_be_hidden()
    await expect(dana.get_by_role("heading", name="general")).to_be_visible()
    await named(dana, "Channels").click()
    await page.keyboard.press("Escape")
    await expect(channels).to_be_hidden()


async def test_everything_that_can_be_used_has_a_name(stage: Stage) -> None:
    """Buttons, fields, dialogs and landmarks, as a screen reader would announce them."""
    page = await filled(stage)
    await named(window(page, MAYA), "Deny").last.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    for role in ("button", "textbox", "combobox", "dialog", "navigation", "region", "log", "radio"):
        everything = page.get_by_role(role)
        nameless = page.get_by_role(role, name="", exact=True)
        assert await everything.count() > 0, role
        assert await nameless.count() == 0, role


async def test_new_messages_are_announced_once(stage: Stage) -> None:
    """The log is a polite live region, and drawing it again adds no message that was there."""
    page, dana, _ = await stage.pair()
    await stage.porter.post(pending("first"))
    await expect(named(dana, "Approve")).to_be_visible()
    await page.evaluate("""() => {
      window.added = [];
      const log = document.querySelector('.pane .log');
      const note = (node) => window.added.push(node.textContent);
      new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach(note)))
        .observe(log, {childList: true});
    }""")
    await send(dana, "hello")
    await expect(dana.get_by_text("hello")).to_be_visible()
    added = await page.evaluate("window.added")
    assert len(added) == 1
    assert "hello" in added[0]
    assert await dana.locator(".pane .log").get_attribute("aria-live") == "polite"


async def test_a_click_moves_nothing_on_the_page(stage: Stage) -> None:
    """While the app is thinking, every button stays where it was."""
    _, _, maya = await stage.pair()
    await stage.porter.post(pending("wait"))
    hold = named(maya, "Hold")
    before = await hold.bounding_box()
    await hold.click()
    await expect(maya.get_by_text("working…")).to_be_visible()
    assert await hold.bounding_box() == before
    stage.porter.gate.set()
    await expect(hold).not_to_have_attribute("aria-busy", "true")
    assert await hold.bounding_box() == before
