"""Opening pages on a sandbox, and the words that the tests use for what is on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.seed import APPROVALS, DANA, MAYA

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

    from sandbox.server import SandboxServer
    from tests.page.porter import Porter

PATIENCE = 5_000
"""Milliseconds for which the page may take until what is waited for is there."""


class Stage:
    """A sandbox, its app and the pages that look at it.

    `complaints` collects what a browser's console calls an error, refused content included: a
    page that works has none.
    """

    def __init__(self, browser: Browser, sandbox: SandboxServer, porter: Porter) -> None:
        self.sandbox = sandbox
        self.porter = porter
        self.complaints: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def open(
        self, *whose: str, width: int = 1400, height: int = 860, dark: bool = False
    ) -> Page:
        """The page with the windows of these people (`U…` or `U…:C…`), or as a newcomer has it."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            locale="en-US",
            timezone_id="UTC",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        page = await context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(f"{self.sandbox.url}/#{','.join(whose)}")
        await page.locator(".window .log").first.wait_for()
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def pair(self) -> tuple[Page, Locator, Locator]:
        """Dana beside Maya, both at #approvals."""
        page = await self.open(f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}")
        return page, window(page, DANA), window(page, MAYA)

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()


def window(page: Page, user: str) -> Locator:
    """The window of this person."""
    return page.locator(f'.window[data-as="{user}"]')


def composer(window: Locator) -> Locator:
    """The field of a channel to write in."""
    return window.locator(".pane .composer-field")


async def send(window: Locator, text: str) -> None:
    """Write a line and press Enter."""
    await composer(window).fill(text)
    await composer(window).press("Enter")


def named(place: Locator, name: str) -> Locator:
    """The button with exactly this name."""
    return place.get_by_role("button", name=name, exact=True)
