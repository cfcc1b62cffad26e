"""One browser for the folder; every story has a demo of its own."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.e2e.demo import PATIENCE, Demo, playing
from tests.page.conftest import ARGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
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
async def demo(chromium: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """A fresh demo. That it stops in an orderly way, and that no page complained, is tested too."""
    expect.set_options(timeout=PATIENCE)
    async with playing(tmp_path / "state", chromium) as started:
        yield started
        await started.close_pages()
    assert started.complaints == []
