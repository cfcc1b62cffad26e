"""The client: through no proxy that it shall not use, and silent about what it sends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientConnectionError
from slack_sdk.errors import SlackApiError

from bot.domain.grant import State
from bot.slack.client import WIRE_ERRORS, error_code, open_client
from sandbox import SandboxServer
from sandbox.faults import Fault, FaultKind
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from bot.storage.database import Database

DEAD = "http://127.0.0.1:9"


async def test_no_proxy_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `NO_PROXY` names, and this machine itself, is reached directly."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, DEAD)
    async with SandboxServer() as sandbox, open_client(sandbox.bot_token, sandbox.api_url) as web:
        assert (await web.auth_test())["ok"]

    monkeypatch.setenv("NO_PROXY", "slack.example.com")
    async with open_client("xoxb-1", "https://slack.example.com/api/") as web:
        assert web.proxy is None


async def test_the_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else goes through `HTTPS_PROXY`."""
    monkeypatch.setenv("HTTPS_PROXY", DEAD)
    async with open_client("xoxb-1", "https://slack.example.com/api/") as web:
        assert web.proxy == DEAD
        with pytest.raises(WIRE_ERRORS) as caught:
            await web.auth_test()

        assert error_code(caught.value) == "network"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("auth.test", FaultKind.ERROR, error="invalid_auth"), "invalid_auth"),
        (Fault("auth.test", FaultKind.RATELIMITED), "ratelimited"),
        (Fault("auth.test", FaultKind.RATELIMITED, with_json=False), "http_429"),
        (Fault("auth.test", FaultKind.STATUS, status=504), "http_504"),
        (Fault("auth.test", FaultKind.NOT_JSON), "http_200"),
        (Fault("auth.test", FaultKind.DROP), "network"),
    ],
)
async def test_what_a_failure_is_called(fault: Fault, code: str) -> None:
    """Slack's word where it has one; else the status, or that nothing came."""
    async with SandboxServer() as sandbox, open_client(sandbox.bot_token, sandbox.api_url) as web:
        sandbox.faults.add(fault)
        with pytest.raises(WIRE_ERRORS) as caught:
            await web.auth_test()

        assert error_code(caught.value) == code


def test_failures_without_an_answer() -> None:
    """Whatever the SDK puts into its error, there is a word for it."""
    assert error_code(TimeoutError()) == "timeout"
    assert error_code(ClientConnectionError()) == "network"
    assert error_code(SlackApiError("", {"error": "not_authed"})) == "not_authed"
    assert error_code(SlackApiError("", {})) == "nonsense"


async def test_what_is_sent_is_never_logged(
    database: Database, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even with everything at DEBUG does a password reach the log on its way into a form."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("curfew").setLevel(logging.DEBUG)
    async with floor(database, "socket") as here:
        await here.dana.command("/access prod-db 30m fix the stuck order")
        grant = await here.only()
        await here.engine.service.vote("U0MAYA", grant.id)
        await here.until(State.ACTIVE)
        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials", message=granted)
        await here.dana.waits_for_modal("Shown once")
        password = here.world.access[f"curfew-{grant.id}"].password
        token = here.sandbox.bot_token
    said = "".join([caplog.text, *capfd.readouterr()])

    assert password
    assert password not in said
    assert token not in said
