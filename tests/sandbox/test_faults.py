"""Faults on order, as the real SDK client sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientConnectionError
from slack_sdk.errors import SlackApiError

from sandbox import Fault, FaultKind
from sandbox.seed import APPROVALS, DANA, MAYA
from tests.sandbox.kit import client_of

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer

POST = "chat.postMessage"


@pytest.fixture
def client(sandbox: SandboxServer) -> AsyncWebClient:
    """A client that never sends anything twice by itself."""
    made = client_of(sandbox, timeout=1)
    made.retry_handlers.clear()
    return made


def seen(sandbox: SandboxServer) -> list[str]:
    return [message["text"] for message in sandbox.person(MAYA).sees(APPROVALS)]


async def test_an_error_once(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """The ordered code comes once, with what belongs to it, then all is well."""
    sandbox.faults.add(Fault(POST, FaultKind.ERROR, error="missing_scope", needed="chat:write"))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=APPROVALS, text="x")
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "chat:write"
    await client.chat_postMessage(channel=APPROVALS, text="y")
    assert seen(sandbox) == ["y"]


@pytest.mark.parametrize("with_json", [True, False])
async def test_rate_limited(
    sandbox: SandboxServer, client: AsyncWebClient, *, with_json: bool
) -> None:
    """429 with Retry-After, with and without a JSON body."""
    fault = Fault(POST, FaultKind.RATELIMITED, retry_after=3, with_json=with_json)
    sandbox.faults.add(fault)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=APPROVALS, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "3"
    assert seen(sandbox) == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_http_errors_before_and_after(
    sandbox: SandboxServer, client: AsyncWebClient, status: int
) -> None:
    """A page instead of an answer; with `stored_then_status` the message is there all the same."""
    for kind, expected in ((FaultKind.STATUS, []), (FaultKind.STORED_THEN_STATUS, ["x"])):
        sandbox.faults.add(Fault(POST, kind, status=status))
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=APPROVALS, text="x")
        assert caught.value.response.status_code == status
        assert seen(sandbox) == expected


async def test_cut_before_and_after(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """The connection breaks: once nothing was done, once the message was posted."""
    for kind, expected in ((FaultKind.DROP, []), (FaultKind.STORED_THEN_DROP, ["x"])):
        sandbox.faults.add(Fault(POST, kind))
        with pytest.raises(ClientConnectionError):
            await client.chat_postMessage(channel=APPROVALS, text="x")
        assert seen(sandbox) == expected


async def test_no_answer_and_a_late_one(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """`hang` never answers; `slow` answers when the clock says so."""
    sandbox.faults.add(Fault(POST, FaultKind.HANG))
    with pytest.raises(TimeoutError):
        await client.chat_postMessage(channel=APPROVALS, text="x")
    sandbox.faults.add(Fault(POST, FaultKind.SLOW, seconds=0.05))
    await client.chat_postMessage(channel=APPROVALS, text="y")
    assert seen(sandbox) == ["y"]


async def test_an_answer_that_is_no_json(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """200 and an HTML page."""
    sandbox.faults.add(Fault(POST, FaultKind.NOT_JSON))
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=APPROVALS, text="x")


async def test_faults_choose_their_calls(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """By method, by pattern, by argument, so many times or always."""
    sandbox.faults.add(Fault("users.*", FaultKind.ERROR, times=None, error="internal_error"))
    match = {"channel": DANA}
    sandbox.faults.add(Fault(POST, FaultKind.ERROR, times=2, error="fatal_error", match=match))
    await client.chat_postMessage(channel=APPROVALS, text="untouched")
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            await client.chat_postMessage(channel=DANA, text="x")
    await client.chat_postMessage(channel=DANA, text="x")
    for _ in range(3):
        with pytest.raises(SlackApiError, match="internal_error"):
            await client.users_info(user=DANA)
    sandbox.faults.clear()
    assert (await client.users_info(user=DANA))["ok"]
    assert [c.get("fault") for c in sandbox.traffic.calls("users.info")] == ["error"] * 3 + [None]
