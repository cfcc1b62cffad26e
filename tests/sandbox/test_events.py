"""The Events API: what arrives, and again when nobody acknowledged it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox.seed import APPROVALS, DANA
from tests.sandbox.kit import dial

if TYPE_CHECKING:
    from sandbox import SandboxServer
    from tests.sandbox.kit import BoltApp

Json = dict[str, Any]


async def test_events_arrive_signed_or_by_socket(sandbox: SandboxServer, either: BoltApp) -> None:
    """What people say and do comes as events, with the authorisations of the app."""
    heard: list[Json] = []
    for name in ("message", "app_mention", "member_joined_channel", "subteam_members_changed"):

        @either.app.event(name)
        async def keep(body: Json) -> None:
            heard.append(body)

    def kinds() -> list[str]:
        return sorted(str(body["event"]["type"]) for body in heard)

    dana = sandbox.person(DANA)
    await dana.say("hello @tester", channel="#approvals")
    sandbox.admin.change_channel(APPROVALS, invite="U0GARY")
    sandbox.admin.change_usergroup("S0DBA", users=["U0MAYA"])
    await sandbox.until(lambda: len(heard) == 4)
    assert kinds() == ["app_mention", "member_joined_channel", "message", "subteam_members_changed"]
    message = next(body for body in heard if body["event"]["type"] == "message")
    assert message["event"]["text"] == f"hello <@{sandbox.workspace.bot}>"
    assert message["event"]["channel_type"] == "channel"
    assert message["authorizations"][0]["user_id"] == sandbox.workspace.bot


async def test_events_without_their_scope_stay_away(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """An event that the manifest does not name is not sent."""
    socket = await dial(sandbox, http)
    await socket.receive_json()
    sandbox.admin.change_channel("C0GENERAL", is_archived=True)
    sandbox.admin.change_channel("C0GENERAL", is_archived=False)
    envelope = await socket.receive_json(timeout=2)
    assert envelope["payload"]["event"]["type"] == "channel_archive"
    await socket.send_json({"envelope_id": envelope["envelope_id"]})
    sandbox.events.home_opened(DANA, "home")
    envelope = await socket.receive_json(timeout=2)
    assert envelope["payload"]["event"]["type"] == "app_home_opened"


async def deliveries(sandbox: SandboxServer, count: int, pause: float) -> None:
    """Move the clock, as often as it takes, until so many were sent."""

    def sent() -> bool:
        is_there = len(sandbox.traffic.deliveries()) == count
        if not is_there:
            sandbox.workspace.clock.advance(pause)
        return is_there

    await sandbox.until(sent)


async def test_events_come_again_until_acknowledged(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """Unacknowledged ones are redelivered three times, same event, new envelope, counted."""
    socket = await dial(sandbox, http)
    await socket.receive_json()
    sandbox.events.home_opened(DANA, "home")
    seen: list[Json] = []
    for pause in (0.0, 1.0, 60.0, 300.0):
        await deliveries(sandbox, len(seen) + 1, pause)
        seen.append(await socket.receive_json(timeout=2))
        sandbox.advance(3.1)
        await sandbox.until(
            lambda: sandbox.traffic.deliveries()[-1]["outcome"] == "operation_timeout"
        )
    assert [envelope["retry_attempt"] for envelope in seen] == [0, 1, 2, 3]
    assert [envelope["retry_reason"] for envelope in seen] == ["", "timeout", "timeout", "timeout"]
    assert len({envelope["payload"]["event_id"] for envelope in seen}) == 1
    assert len({envelope["envelope_id"] for envelope in seen}) == 4
    sandbox.advance(3600)
    assert len(sandbox.traffic.deliveries()) == 4


async def test_http_retries_carry_headers_and_can_be_declined(
    sandbox: SandboxServer,
) -> None:
    """Retries have number and reason; `x-slack-no-retry` ends them."""
    heard: list[Json] = []

    async def fail(request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append(dict(request.headers) | {"body": json.loads(await request.text())})
        headers = {"x-slack-no-retry": "1"} if len(heard) == 2 else {}
        return aiohttp.web.Response(status=500, headers=headers)

    app = aiohttp.web.Application()
    app.router.add_post("/", fail)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.delivery.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    sandbox.events.home_opened(DANA, "home")
    await sandbox.until(lambda: len(heard) == 1)
    assert "x-slack-retry-num" not in heard[0]
    await sandbox.until(lambda: sandbox.traffic.deliveries()[0]["outcome"] != "waiting")
    await deliveries(sandbox, 2, 1.0)
    await sandbox.until(lambda: len(heard) == 2)
    assert heard[1]["x-slack-retry-num"] == "1"
    assert heard[1]["x-slack-retry-reason"] == "http_error"
    assert heard[1]["body"]["event_id"] == heard[0]["body"]["event_id"]
    await sandbox.until(lambda: sandbox.traffic.deliveries()[1]["outcome"] != "waiting")
    sandbox.advance(3600)
    assert len(heard) == 2
    await runner.cleanup()
