"""Socket Mode's connections, HTTP's signatures, and what happens when either breaks."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from sandbox import Fault, FaultKind, RefusedActError
from sandbox.delivery import Forgery
from sandbox.seed import APPROVALS, DANA
from sandbox.signed_http import signature

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sandbox import Player, SandboxServer
    from sandbox.socket_mode import Cut
    from tests.sandbox.kit import BoltApp

Json = dict[str, Any]


async def dial(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> aiohttp.ClientWebSocketResponse:
    """A bare Socket Mode connection, its hello not yet read."""
    client = AsyncWebClient(base_url=sandbox.api_url)
    opened = await client.apps_connections_open(app_token=sandbox.app_token)
    return await http.ws_connect(opened["url"])


async def test_hello_comes_first(sandbox: SandboxServer, http: aiohttp.ClientSession) -> None:
    """A connection begins with hello and how many there are."""
    socket = await dial(sandbox, http)
    hello = await socket.receive_json()
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert hello["connection_info"]["app_id"] == sandbox.installation.app_id
    second = await dial(sandbox, http)
    assert (await second.receive_json())["num_connections"] == 2


async def test_a_ticket_opens_one_connection(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """A used or invented ticket is refused."""
    client = AsyncWebClient(base_url=sandbox.api_url)
    opened = await client.apps_connections_open(app_token=sandbox.app_token)
    await http.ws_connect(opened["url"])
    for url in (opened["url"], f"{sandbox.url}/link/?ticket=guess"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(url)
        assert caught.value.status == 403


async def test_ten_connections_are_the_limit(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """The eleventh is told so and closed."""
    kept = [await dial(sandbox, http) for _ in range(10)]
    await sandbox.connected(connections=10)
    extra = await dial(sandbox, http)
    assert (await extra.receive_json())["reason"] == "too_many_websockets"
    assert (await extra.receive()).type is aiohttp.WSMsgType.CLOSE
    assert sandbox.hub.connections == len(kept)


async def test_each_envelope_goes_to_one_connection(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """Two connections take turns; an ack on either counts."""
    sockets = [await dial(sandbox, http) for _ in range(2)]
    for socket in sockets:
        await socket.receive_json()
    await sandbox.connected(connections=2)
    dana = sandbox.person(DANA)
    commands = [asyncio.create_task(dana.command(f"/access {n}")) for n in range(2)]
    texts = []
    for socket in sockets:
        envelope = await socket.receive_json(timeout=2)
        texts.append(envelope["payload"]["text"])
        assert envelope["accepts_response_payload"] is True
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
    assert sorted(texts) == ["0", "1"]
    assert [(await command)["ok"] for command in commands] == [True, True]


async def test_frames_that_are_no_acks(sandbox: SandboxServer, http: aiohttp.ClientSession) -> None:
    """Nonsense and unknown envelope ids are noted and harm nobody."""
    socket = await dial(sandbox, http)
    await socket.receive_json()
    for frame in ("{", "[]", '{"envelope_id": "unknown"}'):
        await socket.send_str(frame)

    def noted() -> list[object]:
        return [entry.get("event") for entry in sandbox.traffic.since()]

    await sandbox.until(lambda: "ack that nobody waits for" in noted())
    assert noted().count("unreadable frame") == 2


@pytest.mark.parametrize("how", ["close", "refresh", "warning"])
async def test_a_cut_connection_comes_back(sandbox: SandboxServer, bolt: BoltApp, how: Cut) -> None:
    """Bolt reconnects after a close or a request to leave, and hears the next command."""

    @bolt.app.command("/access")
    async def answer(ack: AsyncAck) -> None:
        await ack("here")

    await bolt.connect()
    assert await sandbox.hub.cut(how) == 1

    def opened() -> int:
        log = sandbox.traffic.since()
        return sum(entry.get("event") == "open" for entry in log)

    await sandbox.until(lambda: opened() == 2)
    assert (await sandbox.person(DANA).command("/access x"))["ok"]


async def test_an_abort_leaves_the_command_unanswered(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """The person waits in vain when the line is cut with an envelope under way."""
    sandbox.delivery.ack_limit = 0.3
    socket = await dial(sandbox, http)
    await socket.receive_json()
    command = asyncio.create_task(sandbox.person(DANA).command("/access x"))
    assert (await socket.receive_json(timeout=2))["type"] == "slash_commands"
    await sandbox.hub.cut("abort")
    assert (await command)["error"] == "operation_timeout"
    await sandbox.until(lambda: sandbox.hub.connections == 0)
    assert (await sandbox.person(DANA).command("/access x"))["error"] == "dispatch_failed"


async def test_a_late_ack_is_noted(sandbox: SandboxServer, http: aiohttp.ClientSession) -> None:
    """An ack after the time is up changes nothing for the person."""
    socket = await dial(sandbox, http)
    await socket.receive_json()
    command = asyncio.create_task(sandbox.person(DANA).command("/access x"))
    envelope = await socket.receive_json(timeout=2)
    sandbox.advance(3.1)
    assert (await command)["error"] == "operation_timeout"
    await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "late"}})
    await sandbox.until(
        lambda: sandbox.traffic.since()[-1].get("event") == "ack that nobody waits for"
    )
    assert sandbox.person(DANA).dms() == []


async def test_a_duplicate_and_a_lost_envelope(sandbox: SandboxServer, either: BoltApp) -> None:
    """Faults on deliveries: the same envelope twice at once; one never sent, redelivered later."""
    heard: list[str] = []

    @either.app.command("/access")
    async def answer(ack: AsyncAck, body: Json) -> None:
        heard.append(body["text"])
        await ack()

    dana = sandbox.person(DANA)
    sandbox.faults.add(Fault("deliver", FaultKind.DUPLICATE))
    await dana.command("/access twice")
    await sandbox.until(lambda: heard == ["twice", "twice"])
    sandbox.faults.add(Fault("deliver", FaultKind.LOSE))
    assert (await dana.command("/access first"))["error"] == "operation_timeout"
    await dana.command("/access second")
    lost = next(e for e in sandbox.traffic.deliveries() if e["outcome"] == "lost")
    (ack,) = await sandbox.redelivery.again(lost["n"])
    assert ack.is_ok
    assert heard[2:] == ["second", "first"]


# --- HTTP -----------------------------------------------------------------------------------------


def test_the_signature_of_the_documentation() -> None:
    """Slack's own example comes out as Slack prints it."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
        b".803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def served(sandbox: SandboxServer, bolt: BoltApp) -> Player:
    """A listener for /access, and the person who types it."""

    @bolt.app.command("/access")
    async def answer(ack: AsyncAck) -> None:
        await ack("here")

    return sandbox.person(DANA)


@pytest.mark.parametrize("either", ["http"], indirect=True)
async def test_bolt_and_the_sdk_accept_our_signature(
    sandbox: SandboxServer, either: BoltApp
) -> None:
    """Bolt answers, and the SDK's verifier agrees about the recorded bytes."""
    dana = await served(sandbox, either)
    assert (await dana.command("/access x"))["ok"]
    (sent,) = sandbox.traffic.deliveries("slash_commands")
    verifier = SignatureVerifier(sandbox.signing_secret)
    assert verifier.is_valid_request(sent["post"]["body"], sent["post"]["headers"])
    assert not verifier.is_valid_request(sent["post"]["body"] + " ", sent["post"]["headers"])


@pytest.mark.parametrize("either", ["http"], indirect=True)
@pytest.mark.parametrize(
    "forgery",
    [
        Forgery(headers={"X-Slack-Signature": "v0=" + "0" * 64}),
        Forgery(headers={"X-Slack-Signature": None}),
        Forgery(headers={"X-Slack-Request-Timestamp": "1"}),
        Forgery(skew=-301),
        Forgery(skew=301),
    ],
)
async def test_forged_requests_are_refused_by_bolt(
    sandbox: SandboxServer, either: BoltApp, forgery: Forgery
) -> None:
    """A wrong, missing, old or future signature reaches the app and gets its 401."""
    dana = await served(sandbox, either)
    await dana.command("/access x")
    envelope = sandbox.traffic.deliveries("slash_commands")[0]["envelope"]
    (ack,) = await sandbox.redelivery.forged(envelope, forgery=forgery)
    assert ack.error == "dispatch_failed"
    assert isinstance(ack.body, dict)
    assert ack.body["status"] == 401


@pytest.mark.parametrize("either", ["http"], indirect=True)
async def test_a_replay_is_the_very_bytes(sandbox: SandboxServer, either: BoltApp) -> None:
    """Within five minutes Bolt takes the same signed bytes again: the app must see to it."""
    dana = await served(sandbox, either)
    await dana.command("/access x")
    (sent,) = sandbox.traffic.deliveries("slash_commands")
    assert (await sandbox.redelivery.replayed(sent["n"])).is_ok
    with pytest.raises(RefusedActError, match="no delivery"):
        await sandbox.redelivery.replayed(10_000)


async def test_nobody_behind_the_request_url(sandbox: SandboxServer) -> None:
    """A refused connection fails at once."""
    sandbox.delivery.request_url = "http://127.0.0.1:9/slack/events"
    assert (await sandbox.person(DANA).command("/access x"))["error"] == "dispatch_failed"


# --- events ---------------------------------------------------------------------------------------


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


async def test_events_come_again_until_acknowledged(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> None:
    """Unacknowledged ones are redelivered three times, same event, new envelope, counted."""
    socket = await dial(sandbox, http)
    await socket.receive_json()
    sandbox.events.home_opened(DANA, "home")
    seen = []
    for pause in (0.0, 1.0, 60.0, 300.0):
        await sandbox.until(lambda: len(sandbox.traffic.deliveries()) >= len(seen))
        sandbox.advance(pause)
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
    await sandbox.until(lambda: sandbox.advance(1.1) or len(heard) == 2)
    assert heard[1]["x-slack-retry-num"] == "1"
    assert heard[1]["x-slack-retry-reason"] == "http_error"
    assert heard[1]["body"]["event_id"] == heard[0]["body"]["event_id"]
    await sandbox.until(lambda: sandbox.traffic.deliveries()[1]["outcome"] != "waiting")
    sandbox.advance(3600)
    assert len(heard) == 2
    await runner.cleanup()
