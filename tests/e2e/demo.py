"""The demo as a newcomer has it: a process, its URL, a browser, and psql."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.async_api import expect

from tests.page.stage import composer, named, window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

ROOT: Final = Path(__file__).parents[2]
START: Final = 60.0
PATIENCE: Final = 20_000
"""Milliseconds: the bot sends about a message a second to each channel, as Slack asks for."""

URL: Final = re.compile(r"The demo is at (http://\S+)")
PSQL: Final = re.compile(r"Without psql of your own: (\S+)")
SHOTS: Final = os.environ.get("CURFEW_SHOTS")
"""A directory for pictures of everything, for eyes; unset, none are taken."""


@dataclass
class Demo:
    """A demo that runs. `complaints` is what a browser's console called an error."""

    url: str
    psql: Path
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    async def open(
        self, *whose: str, width: int = 1400, height: int = 900, dark: bool = False
    ) -> Page:
        """The page with the windows of these people (`U…` or `U…:C…`)."""
        context = await self.browser.new_context(
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
        await page.goto(f"{self.url}/#{','.join(whose)}")
        await page.locator(".window .log").first.wait_for()
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def close_pages(self) -> None:
        """Close what was opened."""
        while self._contexts:
            await self._contexts.pop().close()

    async def log_in(self, line: str, query: str) -> tuple[int, str]:
        """Paste the line that the form shows, with a query behind it: code and output."""
        process = await asyncio.create_subprocess_shell(
            f'{line} -XAtc "{query}"',
            env={"PATH": f"{self.psql.parent}:{os.environ['PATH']}"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode().strip()


@asynccontextmanager
async def playing(state: Path, browser: Browser) -> AsyncIterator[Demo]:
    """`python -m bot demo`, from its first line to its end by Ctrl-C."""
    names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL")
    environ = {name: value for name, value in os.environ.items() if name not in names}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0", "--state", str(state)),
        cwd=state.parent,
        env={**environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said = await _first_lines(process)
        url, psql = URL.search(said), PSQL.search(said)
        assert url is not None, said
        assert psql is not None, said
        yield Demo(url[1], Path(psql[1]), browser)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _first_lines(process: asyncio.subprocess.Process) -> str:
    """What it prints up to how it is ended."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(START):
        while "Ctrl-C" not in said:
            line = await process.stdout.readline()
            assert line, f"it ended: {said}"
            said += line.decode()
    return said


# --- words for what is on the page ----------------------------------------------------------------


async def go(place: Locator, name: str) -> None:
    """Choose a channel, or the app, in the window's sidebar."""
    await place.get_by_role("navigation").get_by_role("button", name=re.compile(name)).click()


async def go_home(place: Locator) -> None:
    """The app's Home tab."""
    await go(place, "Curfew")
    await named(place, "Home").click()


async def write(place: Locator, line: str) -> None:
    """Type a line into the composer and press Enter; hints of the composer are closed first."""
    await composer(place).fill(line)
    await composer(place).press("Escape")
    await composer(place).press("Enter")


def message(place: Locator, words: str) -> Locator:
    """The newest message of the window's conversation with these words."""
    return place.locator(".pane .message").filter(has_text=words).last


def form(place: Locator, title: str) -> Locator:
    """The open form with this title."""
    return place.get_by_role("dialog", name=title)


def button(thing: Locator, label: str) -> Locator:
    """The button with these words on it; what a screen reader hears says more than that."""
    return thing.locator("button").filter(has_text=re.compile(f"^{label}$"))


async def press(thing: Locator, label: str) -> None:
    """A button of a card, message or form, as soon as it is there."""
    await button(thing, label).click()


async def gone(thing: Locator) -> None:
    """It is no longer on the page."""
    await expect(thing).to_have_count(0)


async def shoot(page: Page, name: str) -> None:
    """A picture, where pictures are wanted."""
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png")


__all__ = [
    "Demo",
    "button",
    "form",
    "go",
    "go_home",
    "gone",
    "message",
    "named",
    "playing",
    "press",
    "shoot",
    "window",
    "write",
]
