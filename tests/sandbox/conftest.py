"""A running sandbox for each test, the real SDK client, and a real Bolt app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from sandbox import SandboxServer
from sandbox.manifest import SCOPES, parse_manifest
from tests.sandbox.kit import BoltApp, Heard, client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slack_sdk.web.async_client import AsyncWebClient

EVENTS = [
    "app_home_opened",
    "app_mention",
    "channel_archive",
    "channel_left",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "subteam_members_changed",
    "user_change",
]

MANIFEST = {
    "display_information": {"name": "Tester"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "bot_user": {"display_name": "tester"},
        "slash_commands": [
            {"command": "/access", "description": "Asks"},
            {"command": "/escape", "description": "Asks", "should_escape": True},
        ],
    },
    "oauth_config": {"scopes": {"bot": sorted(SCOPES - {"chat:write.public"})}},
    "settings": {
        "event_subscriptions": {"bot_events": EVENTS},
        "interactivity": {"is_enabled": True},
    },
}
"""An app that may do everything but post where it is not a member, and hears everything."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK takes proxies from the environment and ignores NO_PROXY."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with SandboxServer(manifest=parse_manifest(MANIFEST)) as server:
        yield server


@pytest.fixture
def client(sandbox: SandboxServer) -> AsyncWebClient:
    return client_of(sandbox)


@pytest.fixture
async def http(sandbox: SandboxServer) -> AsyncIterator[aiohttp.ClientSession]:
    """Bare HTTP to the sandbox: for what the SDK would not send."""
    async with aiohttp.ClientSession(base_url=sandbox.url) as session:
        yield session


@pytest.fixture
async def bolt(sandbox: SandboxServer) -> AsyncIterator[BoltApp]:
    """A Bolt app that is not connected yet."""
    app = BoltApp(sandbox)
    yield app
    await app.close()


@pytest.fixture(params=["socket", "http"])
async def either(
    request: pytest.FixtureRequest, sandbox: SandboxServer, bolt: BoltApp
) -> AsyncIterator[BoltApp]:
    """A Bolt app on the air, once by Socket Mode and once behind a request URL."""
    if request.param == "socket":
        await bolt.connect()
        yield bolt
        return
    application = web.Application()
    application.router.add_post("/slack/events", bolt.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    sandbox.delivery.request_url = f"http://127.0.0.1:{port}/slack/events"
    yield bolt
    await runner.cleanup()


@pytest.fixture
def heard() -> Heard:
    return Heard()
