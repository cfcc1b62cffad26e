"""The endpoint on the web server of the running bot: forged, replayed, broken, large, slow."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.domain.grant import State
from bot.slack import endpoint
from sandbox.seed import DANA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.security.conftest import Build
    from tests.security.house import House


def command(here: House, text: str = "prod-db 30m fix the stuck order") -> bytes:
    """A line of Dana's, in the bytes in which Slack sends it."""
    return urlencode(
        {
            "command": "/access",
            "text": text,
            "user_id": DANA,
            "team_id": here.sandbox.workspace.team_id,
            "channel_id": "C0GENERAL",
            "trigger_id": here.sandbox.workspace.views.new_trigger(DANA),
            "response_url": f"{here.sandbox.url}/response/none",
        }
    ).encode()


async def test_03_signed_by_slack_gets_in(here: House) -> None:
    """The bytes that all the forgeries below are made from are good ones."""
    body = command(here)
    status, said = await here.knock(body, here.signed(body))

    assert status == 200
    assert "Asked for" in said
    assert len(await here.grants()) == 1


FORGERIES: dict[str, dict[str, str | None]] = {
    "no signature": {"X-Slack-Signature": None},
    "empty signature": {"X-Slack-Signature": ""},
    "version alone": {"X-Slack-Signature": "v0="},
    "zeros": {"X-Slack-Signature": "v0=" + "0" * 64},
    "beyond ASCII": {"X-Slack-Signature": "v0=" + "\u0131" * 64},
    "a list": {"X-Slack-Signature": "v0=a,v0=b"},
    "no timestamp": {"X-Slack-Request-Timestamp": None},
    "timestamp beyond ASCII": {"X-Slack-Request-Timestamp": "\u0661\u0662"},
    "no number": {"X-Slack-Request-Timestamp": "now"},
    "not finite": {"X-Slack-Request-Timestamp": "1e999"},
    "endless": {"X-Slack-Request-Timestamp": "9" * 5_000},
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_03_forged(here: House, name: str) -> None:
    """401, empty, nothing written."""
    body = command(here)
    changed = {**here.signed(body), **FORGERIES[name]}
    headers = {key: value for key, value in changed.items() if value is not None}

    assert await here.knock(body, headers) == (401, "")
    assert await here.grants() == []


async def test_03_signed_by_somebody_else(here: House) -> None:
    """Another secret, an empty one, another version, another body, a body encoded anew: all 401."""
    body = command(here)
    again = body.replace(b"+", b"%20")
    wrong = [
        (body, here.signed(body, secret="8f742231b10e8888abcd99yyyzzz85a5")),
        (body, here.signed(body, secret="")),
        (body, here.signed(body + b"&text=list")),
        (again, here.signed(body)),
        (b"", here.signed(body)),
    ]
    good = here.signed(body)
    wrong.append(
        (body, {**good, "X-Slack-Signature": good["X-Slack-Signature"].replace("v0", "v1")})
    )

    assert again != body
    for sent, headers in wrong:
        assert await here.knock(sent, headers) == (401, "")
    assert await here.grants() == []


@pytest.mark.parametrize("skew", [-86_400, -301, 305, 86_400])
async def test_05_old_and_early(here: House, skew: int) -> None:
    """A signature is good for five minutes, either way: a thief's copy is worthless soon."""
    body = command(here)

    assert await here.knock(body, here.signed(body, at=int(time.time()) + skew)) == (401, "")
    assert await here.grants() == []


async def test_04_replayed_within_five_minutes(here: House) -> None:
    """The very bytes again are answered, and change nothing: not even after the end."""
    await here.active()
    deliveries = here.sandbox.traffic.deliveries()
    await here.told(here.dana, "/access revoke prod-db")
    await here.until(State.ENDED)
    before = await here.kinds()
    for delivery in deliveries:
        await here.sandbox.redelivery.replayed(delivery["n"])
    after = await here.kinds()

    assert len(deliveries) > 1
    assert after == before
    assert here.logins() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=%7B%22type%22",
        b"payload=null",
        b'{"type":' * 20_000,
        b"\xff\xfe\x00\x01",
        b"command=/access",
        b"command=/access&text=list&user_id=",
        urlencode({"payload": '{"type":"block_actions"}'}).encode(),
        urlencode({"payload": '{"type":"view_submission","user":{"id":7}}'}).encode(),
        urlencode({"payload": '{"type":"block_actions","user":null,"actions":[]}'}).encode(),
    ],
)
async def test_03_signed_nonsense(here: House, body: bytes) -> None:
    """What Slack would never send is 400 or answered, never 500."""
    status, said = await here.knock(body, here.signed(body))

    assert status in {200, 400}
    assert "Traceback" not in said
    assert await here.grants() == []


async def test_25_a_body_without_end(here: House) -> None:
    """More than a mebibyte is 413, before anything is asked about its signature."""
    body = b"x" * (2**20 + 1)

    async def unannounced() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2**16):
            yield body[start : start + 2**16]

    async with aiohttp.ClientSession() as session:
        for headers in (here.signed(body), {}):
            for sent in (BytesIO(body), unannounced()):
                answer = await session.post(here.door, data=sent, headers=headers)

                assert answer.status == 413


async def test_25_a_body_that_never_comes(here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever announces bytes and sends none is let go, and others are served meanwhile."""
    monkeypatch.setattr(endpoint, "BODY_WITHIN", 0.3)
    host, port = here.bot.web.url.removeprefix("http://").split(":")
    idle = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
    for _, writer in idle:
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\ncomma")
    body = command(here)

    assert (await here.knock(body, here.signed(body)))[0] == 200

    async with asyncio.timeout(10):
        for reader, writer in idle:
            with closing(writer):
                assert b" 408 " in await reader.readline()


async def test_25_a_flood_leaves_the_way_out_free(here: House) -> None:
    """While one person sends two hundred lines, somebody else's Revoke now is done at once."""
    grant = await here.active()
    lines = ["mine", "list", "who prod-db", "prod-db 30m again and again", "audit", "zzz"]

    async def flood(number: int) -> int:
        body = command(here, lines[number % len(lines)])
        return (await here.knock(body, here.signed(body)))[0]

    flooding = asyncio.gather(*(flood(number) for number in range(200)))
    said = await here.told(here.olga, f"/access revoke {grant.id} there is a flood")
    await here.until(State.ENDED)

    assert "is being taken away" in said
    assert set(await flooding) == {200}
    assert here.logins() == []


async def test_19_nobody_is_called_back(here: House) -> None:
    """`response_url` is an address that a thief would choose: nothing is ever sent there."""
    knocked: list[str] = []

    async def inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocked.append((await reader.readline()).decode())
        writer.close()

    server = await asyncio.start_server(inside, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/latest/meta-data"
        card = await here.asked()
        for action in ("approve", "deny", "revoke", "credentials", "extend", "nonsense"):
            payload = here.press(card, "U0GARY", action, response_url=url)
            payload["response_urls"] = [{"response_url": url, "channel_id": "C0GENERAL"}]
            await here.send("interactive", payload)
        line = {"command": "/access", "user_id": DANA, "text": "zzz", "response_url": url}
        status, _ = await here.send("slash_commands", line)
        await here.told(here.maya, "/access list")

    assert status == 200
    assert knocked == []


async def test_23_pages_for_operators_leak_nothing(here: House) -> None:
    """Health, readiness and figures name no person, no address and no secret."""
    await here.active()
    for path in ("/healthz", "/readyz", "/metrics", "/", "/slack/events", "/hooks/x", "/.env"):
        status, text = await here.read(path)

        assert status in {200, 404, 405}
        for word in secrets_of(here):
            assert word not in text
        assert DANA not in text
        assert "dana@example.com" not in text

    assert json.loads((await here.read("/readyz"))[1])["ready"] is True


async def test_23_figures_are_for_this_machine(here: House) -> None:
    """Through a proxy on the same machine, `/metrics` without a token is refused."""
    assert (await here.read("/metrics", **{"X-Forwarded-For": "203.0.113.9"}))[0] == 403
    assert (await here.read("/metrics"))[0] == 200


def secrets_of(here: House) -> list[str]:
    """What an operator set that nobody may ever read again."""
    sandbox = here.sandbox
    password = here.shop.admin_dsn.partition("curfew_admin:")[2].partition("@")[0]
    return [sandbox.bot_token, sandbox.app_token, sandbox.signing_secret, password]


async def test_30_the_clock_of_a_request_moves_nothing(build: Build) -> None:
    """A grant ends by the database's time; a request's own time is for its signature alone."""
    here = await build()
    grant = await here.active()
    body = command(here, "mine")
    await here.knock(body, here.signed(body, at=int(time.time()) - 299))

    assert (await here.only()).expires_at == grant.expires_at

    here.pass_time(timedelta(minutes=31))
    await here.until(State.ENDED)
    assert here.logins() == []
