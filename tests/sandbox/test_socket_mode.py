"""Socket Mode: connections, envelopes, and what happens when the line is cut."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox import Fault, FaultKind
from sandbox.seed import DANA
from tests.sandbox.kit import dial

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sandbox import SandboxServer
    from sandbox.socket_mode import Cut
    from tests.sandbox.kit import BoltApp

Json = dict[str, Any]


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
