"""HTTP to a provider: where it goes, what it trusts, what it finds out by using it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from adapters._http import Http, api_address, proxy_for, together
from adapters.base import RefusedError, UnreachableError


@pytest.mark.parametrize(
    ("environment", "address", "proxy"),
    [
        ({}, "https://a.example.com", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.example.com:8200/x", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "https://a.example.com", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example.com"}, "https://a.example.com", None),
        ({"HTTPS_PROXY": "http://p:1"}, "http://127.0.0.1:8200", None),
    ],
)
def test_the_proxy_is_the_environment_s(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], address: str, proxy: str | None
) -> None:
    """By the address's scheme, and not where NO_PROXY names its host."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(address) == proxy


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1", "ftp://a", "a.example.com", "https://a?b", "https://u:p@a"]
)
def test_addresses_that_get_no_token(address: str) -> None:
    """In the clear beyond this machine, or with what does not belong there."""
    with pytest.raises(ValueError, match=r"https://|address"):
        api_address(address)


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("https://elsewhere.example.com/")

    app = web.Application()
    app.add_routes([web.get("/page", page), web.get("/elsewhere", elsewhere)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_no_token_is_sent_elsewhere(server: str) -> None:
    """A redirect is an answer, and is not followed."""
    http = Http(server, size=1)
    reply = await http.send("GET", "/elsewhere", headers={"Authorization": "secret"})
    assert (reply.status, reply.is_ok) == (302, False)
    await http.aclose()


async def test_a_page_is_no_api(server: str) -> None:
    """What answers with a page is not what the policy meant."""
    http = Http(server, size=1)
    with pytest.raises(UnreachableError, match="does not answer with JSON"):
        await http.send("GET", "/page", headers={})
    await http.aclose()


async def test_who_cannot_be_trusted_is_refused() -> None:
    """A server that does not speak TLS, or shows no good certificate, is a human's matter."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    plain = await asyncio.start_server(greet, "127.0.0.1", 0)
    http = Http(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}", size=1)
    with pytest.raises(RefusedError, match="cannot be trusted"):
        await http.send("GET", "/", headers={})
    await http.aclose()
    plain.close()


async def test_the_first_error_comes_when_all_have_ended() -> None:
    """Nothing goes on unseen after a failure beside it."""
    ended = []

    async def slow() -> None:
        await asyncio.sleep(0)
        ended.append("slow")

    async def failing() -> None:
        raise RefusedError("no")

    with pytest.raises(RefusedError):
        await together(failing(), slow())
    assert ended == ["slow"]
