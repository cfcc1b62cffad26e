"""The HTTP server: health, figures and their fence, and what strangers get."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NoReturn

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.web.health import Finding, Health
from bot.web.server import AwayError, PortError, Routes, WebServer

TOKEN = "a-long-metrics-token"


async def scraped() -> bytes:
    return b"curfew_grants 1\n"


def routes(*, age: float = 0.1, looks: Mapping[str, Finding] | None = None) -> Routes:
    found = {"database": Finding(ok=True)} if looks is None else looks

    def look_at(finding: Finding):  # noqa: ANN202 - a look, as Health takes them
        async def look() -> Finding:
            return finding

        return look

    health = Health(lambda: age, {name: look_at(one) for name, one in found.items()})
    return Routes(health, scraped, "text/plain; charset=utf-8")


@asynccontextmanager
async def served(given: Routes, *, idle: float = 15.0) -> AsyncIterator[tuple[WebServer, str]]:
    server = WebServer(given, host="127.0.0.1", port=0, idle=idle)
    await server.start()
    try:
        yield server, server.url
    finally:
        await server.stop()


async def get(url: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


async def test_alive_while_ticks_complete() -> None:
    """/healthz is 200 as long as the last tick is young, and says how young."""
    async with served(routes(age=1.26)) as (_, url):
        status, text, _ = await get(f"{url}/healthz")
    assert (status, json.loads(text)) == (200, {"alive": True, "last_tick_seconds": 1.3})


async def test_not_alive_when_ticks_stay_out() -> None:
    """/healthz is 503 when no tick was completed for more than ten seconds."""
    async with served(routes(age=10.4)) as (_, url):
        status, text, _ = await get(f"{url}/healthz")
    assert (status, json.loads(text)["alive"]) == (503, False)


async def test_ready_names_what_is_not() -> None:
    """/readyz is 503 when one part is not in order, and says which and why."""
    looks = {
        "database": Finding(ok=True),
        "slack": Finding(ok=False, says="The bot is not in #audit.", figures={"connections": 2}),
    }
    async with served(routes(looks=looks)) as (_, url):
        status, text, _ = await get(f"{url}/readyz")
    assert status == 503
    assert json.loads(text) == {
        "ready": False,
        "checks": {
            "database": {"ok": True},
            "slack": {"ok": False, "says": "The bot is not in #audit.", "connections": 2},
        },
    }


async def test_ready_when_all_is_in_order() -> None:
    """/readyz is 200 when every part is."""
    async with served(routes()) as (_, url):
        assert (await get(f"{url}/readyz"))[0] == 200


async def test_figures_for_this_machine() -> None:
    """Without a token /metrics answers to loopback."""
    async with served(routes()) as (_, url):
        status, text, headers = await get(f"{url}/metrics")
    assert (status, text) == (200, "curfew_grants 1\n")
    assert headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_no_figures_through_a_proxy(header: str) -> None:
    """A proxy on this machine does not make the whole world local."""
    async with served(routes()) as (_, url):
        status, text, _ = await get(f"{url}/metrics", **{header: "198.51.100.7"})
    assert (status, text) == (403, "Forbidden\n")


@pytest.mark.parametrize(
    "given", ["", f"Bearer {TOKEN}x", f"bearer {TOKEN}", TOKEN, "Bearer ", "Bearer tökén"]
)
async def test_wrong_token(given: str) -> None:
    """With a token set, /metrics answers 401 to everything else, loopback included."""
    async with served(replace(routes(), metrics_token=TOKEN)) as (_, url):
        status, text, headers = await get(f"{url}/metrics", Authorization=given)
    assert (status, text) == (401, "Unauthorized\n")
    assert headers["WWW-Authenticate"].startswith("Bearer")


async def test_right_token() -> None:
    """Whoever holds the token gets the figures, through a proxy too."""
    async with served(replace(routes(), metrics_token=TOKEN)) as (_, url):
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "198.51.100.7"}
        assert (await get(f"{url}/metrics", **headers))[0] == 200


@pytest.mark.parametrize("path", ["/", "/slack/events", "/hooks/pager", "/metrics/../healthz/x"])
async def test_nothing_else_is_served(path: str) -> None:
    """Other paths are 404; in Socket Mode /slack/events is one of them."""
    async with served(routes()) as (_, url):
        status, text, _ = await get(f"{url}{path}")
    assert (status, text) == (404, "Not Found\n")


async def test_strict_headers() -> None:
    """Every answer forbids caching, framing and sniffing, and names no software."""
    async with served(routes()) as (_, url):
        for path in ("/healthz", "/nowhere"):
            headers = (await get(f"{url}{path}"))[2]
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Server"] == "curfew"


async def test_wrong_method() -> None:
    """Another method is 405 and says which is right."""
    async with (
        served(routes()) as (_, url),
        aiohttp.ClientSession() as client,
        client.post(f"{url}/healthz") as answer,
    ):
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


async def test_slack_is_served_over_http() -> None:
    """In HTTP mode the given endpoint gets the raw request."""

    async def endpoint(request: web.Request) -> web.Response:
        return web.Response(text=f"{await request.text()} heard")

    async with (
        served(replace(routes(), slack=endpoint)) as (_, url),
        aiohttp.ClientSession() as client,
        client.post(f"{url}/slack/events", data=b"payload") as answer,
    ):
        assert (answer.status, await answer.text()) == (200, "payload heard")


async def test_our_errors_show_nothing() -> None:
    """An error inside is 503 with a reference that stands in the log, and nothing of the error."""

    async def broken() -> NoReturn:
        raise RuntimeError("password is hunter2")

    with capture_logs() as logged:
        async with served(replace(routes(), scrape=broken)) as (_, url):
            status, text, _ = await get(f"{url}/metrics")
    assert status == 503
    assert "hunter2" not in text
    reference = text.partition("reference ")[2][:8]
    assert [line["reference"] for line in logged] == [reference]


async def test_half_a_request_is_cut_off() -> None:
    """A connection that sends no whole request head is closed after the idle time."""
    async with served(routes(), idle=0.2) as (server, _):
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Slow: ")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: h\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no http at all\r\n\r\n",
    ],
)
async def test_oversized_and_strange_heads(head: bytes) -> None:
    """A head that is too large, or none at all, is 400, and the server goes on."""
    async with served(routes()) as (server, url):
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        async with asyncio.timeout(5):
            assert (await reader.readline()).split()[1] in {b"400", b"431"}
        writer.close()
        await writer.wait_closed()
        assert (await get(f"{url}/healthz"))[0] == 200


async def test_port_in_use() -> None:
    """A port that somebody has is told with the way out."""
    async with served(routes()) as (server, _):
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(PortError, match=str(port)) as raised:
            await WebServer(routes(), host="127.0.0.1", port=port).start()
    assert "CURFEW_PORT" in raised.value.hint


async def test_no_address_of_ours() -> None:
    """An address that this machine does not have is told as such."""
    with pytest.raises(PortError) as raised:
        await WebServer(routes(), host="192.0.2.1", port=0).start()
    assert "192.0.2.1" in raised.value.message


async def test_a_document_of_a_provider() -> None:
    """Its bytes with an ETag, 304 for who has them, 404 and 503 where there is nothing to show."""

    async def document(provider: str, name: str) -> bytes | None:
        if provider == "away":
            raise AwayError
        return b"\0list" if (provider, name) == ("bastions", "krl") else None

    async with served(replace(routes(), document=document)) as (_, url):
        place = f"{url}/providers/bastions/krl"
        status, text, headers = await get(place)
        assert (status, text) == (200, "\0list")
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Cache-Control"] == "no-store"
        tag = headers["Etag"]
        status, text, again = await get(place, **{"If-None-Match": tag})
        assert (status, text, again["Etag"]) == (304, "", tag)
        assert (await get(place, **{"If-None-Match": '"another"'}))[0] == 200
        for path, wanted in (
            ("bastions/none", 404),
            ("none/krl", 404),
            ("..%2fbastions/krl", 404),
            ("away/krl", 503),
        ):
            status, text, headers = await get(f"{url}/providers/{path}")
            assert (status, "Etag" in headers) == (wanted, False)
            assert "Traceback" not in text
        async with aiohttp.ClientSession() as client, client.post(place) as answer:
            assert answer.status == 405


async def test_nothing_is_shown_by_default() -> None:
    """Without documents there is no such path."""
    async with served(routes()) as (_, url):
        assert (await get(f"{url}/providers/bastions/krl"))[0] == 404
