"""A real Chromium that looks at a real sandbox with a real Bolt app in it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from sandbox.seed import fill
from sandbox.server import SandboxServer
from sandbox.workspace import Workspace
from tests.page.porter import Porter, manifest
from tests.page.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

ARGS = (
    "--headless",
    "--no-sandbox",  # containers run as root, where Chromium's own sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; without one the tests are skipped, except where CI says that they must run."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("no Chromium here; on Debian and Ubuntu: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    """A fresh workspace, the app in it, and a way to open pages."""
    async with SandboxServer(Workspace(fill), manifest()) as sandbox:
        porter = Porter(sandbox)
        await porter.start()
        stage = Stage(browser, sandbox, porter)
        yield stage
        await stage.close()
        await porter.stop()
    assert stage.complaints == []
