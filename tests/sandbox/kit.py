"""Words for building Block Kit, and an app whose answers each test chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.seed import APPROVALS, MAYA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import aiohttp
    from aiohttp import web
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sandbox.server import SandboxServer

Json = dict[str, Any]


def plain(text: str = "words", **more: object) -> Json:
    return {"type": "plain_text", "text": text, **more}


def mrkdwn(text: str = "words", **more: object) -> Json:
    return {"type": "mrkdwn", "text": text, **more}


def button(text: str = "Approve", action_id: str = "approve", **more: object) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": "g1", **more}


def section(text: str = "words", **more: object) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def actions(*elements: Json, **more: object) -> Json:
    return {"type": "actions", "elements": list(elements) or [button()], **more}


def option(value: str = "a", **more: object) -> Json:
    return {"text": plain(f"Option {value}"), "value": value, **more}


def field(label: str = "Reason", block_id: str = "reason", **more: object) -> Json:
    element = more.pop("element", {"type": "plain_text_input", "action_id": "text"})
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        **more,
    }


def modal(*blocks: Json, **more: object) -> Json:
    return {
        "type": "modal",
        "title": plain("A form"),
        "submit": plain("Send"),
        "callback_id": "form",
        "blocks": list(blocks) or [field()],
        **more,
    }


def home(*blocks: Json) -> Json:
    return {"type": "home", "blocks": list(blocks) or [section("Nothing here yet")]}


def client_of(sandbox: SandboxServer, *, timeout: int = 30) -> AsyncWebClient:
    return AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url, timeout=timeout)


class BoltApp:
    """A real Bolt app: listeners are added to `app`, then it is connected or served."""

    def __init__(self, sandbox: SandboxServer, *, before_response: bool = True) -> None:
        self._sandbox = sandbox
        self.client = client_of(sandbox)
        self.app = AsyncApp(
            client=self.client,
            signing_secret=sandbox.signing_secret,
            process_before_response=before_response,
        )
        self._socket: AsyncSocketModeHandler | None = None

    async def connect(self, connections: int = 1) -> None:
        """Join by Socket Mode."""
        self._socket = AsyncSocketModeHandler(self.app, self._sandbox.app_token)
        await self._socket.connect_async()  # type: ignore[no-untyped-call] # Bolt leaves it bare
        await self._sandbox.connected(connections=connections)

    @property
    def handle(self) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The aiohttp handler of `/slack/events`."""

        async def handle(request: web.Request) -> web.Response:
            bolt_request = await to_bolt_request(request)
            return await to_aiohttp_response(await self.app.async_dispatch(bolt_request))

        return handle

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close_async()  # type: ignore[no-untyped-call] # Bolt leaves it bare


class Heard(list[Json]):
    """The bodies that the app got."""

    def by(self, text: str = "", **more: object) -> Callable[..., object]:
        """A listener that keeps the body and acknowledges with this answer."""

        async def listener(ack: AsyncAck, body: Json) -> None:
            self.append(body)
            await ack({"text": text, **more} if more else text)

        return listener


async def post_card(sandbox: SandboxServer, *elements: Json, channel: str = APPROVALS) -> Json:
    await client_of(sandbox).chat_postMessage(
        channel=channel, text="card", blocks=[section("card"), actions(*elements, block_id="b")]
    )
    return sandbox.person(MAYA).sees(channel)[-1]


async def dial(
    sandbox: SandboxServer, http: aiohttp.ClientSession
) -> aiohttp.ClientWebSocketResponse:
    """A bare Socket Mode connection, its hello not yet read."""
    client = AsyncWebClient(base_url=sandbox.api_url)
    opened = await client.apps_connections_open(app_token=sandbox.app_token)
    return await http.ws_connect(opened["url"])


async def get(http: aiohttp.ClientSession, path: str, **query: str) -> Json:
    async with http.get(f"/sandbox/{path}", params=query) as answer:
        body: Json = await answer.json()
        return body


async def post(http: aiohttp.ClientSession, path: str, **body: object) -> Json:
    async with http.post(f"/sandbox/{path}", json=body) as answer:
        done: Json = await answer.json()
        return done
