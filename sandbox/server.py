"""The sandbox as one aiohttp application on one loopback port.

`SandboxServer` composes everything: Web API, Socket Mode, response URLs, the page and its API, the
control API. Tests in Python use it directly; everybody else by HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Self

from aiohttp import web

from sandbox.acts import Acts
from sandbox.administration import Administration
from sandbox.control import Control
from sandbox.delivery import Delivery
from sandbox.events import Events
from sandbox.fence import Fence
from sandbox.installation import Installation
from sandbox.manifest import EXAMPLE, Manifest, parse_manifest
from sandbox.page_api import PageApi
from sandbox.player import Player
from sandbox.redelivery import Redelivery
from sandbox.responses import ResponseApi, Responses
from sandbox.seed import fill
from sandbox.socket_mode import SocketHub
from sandbox.web_api import WebApi
from sandbox.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sandbox.faults import Faults
    from sandbox.feed import News
    from sandbox.rate_limits import RateLimits
    from sandbox.traffic import Traffic

PAGE = Path(__file__).parent / "page"
GLANCE = 0.05
"""Seconds after which `until` looks again by itself, for what lies outside of the workspace."""


class SandboxServer:
    """A workspace that an app can talk to. Start it, give the app its tokens, act as people.

    `async with SandboxServer() as sandbox:` starts and stops it. With `request_url` (it may be set
    later) deliveries are signed HTTP, else Socket Mode. `hosts` are further names under which the
    page may be opened, beside loopback's.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        manifest: Manifest | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: tuple[str, ...] = (),
        request_url: str | None = None,
    ) -> None:
        """Port 0 takes a free one; the workspace is the one of `sandbox.seed` unless given."""
        self.workspace = workspace or Workspace(fill)
        self.installation = Installation(self.workspace, manifest or parse_manifest(EXAMPLE))
        self.hub = SocketHub(self.installation)
        self.delivery = Delivery(self.installation, self.hub)
        self.delivery.request_url = request_url
        self.events = Events(self.installation, self.delivery)
        self.responses = Responses(self.installation)
        self.admin = Administration(self.workspace, self.events)
        self.redelivery = Redelivery(self.installation, self.delivery)
        self.acts = Acts(self.installation, self.delivery, self.events, self.responses)
        self._web_api = WebApi(self.installation, self.events, self.hub)
        self._page_api = PageApi(self.installation, self.acts)
        self._host, self._port, self._hosts = host, port, hosts
        self._runner: web.AppRunner | None = None

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen. OSError when the port is taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError:
            listener.close()
            raise
        self._port = int(listener.getsockname()[1])
        self.responses.base_url = self.url
        runner = web.AppRunner(self._application(), shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        self._runner = runner

    async def stop(self) -> None:
        """End all connections and tasks. May be repeated."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        self._page_api.close()
        await self.events.close()
        await self.hub.close()
        await runner.cleanup()
        await self.delivery.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _application(self) -> web.Application:
        fence = Fence(self._hosts)
        app = web.Application(middlewares=[fence.middleware], client_max_size=4 * 2**20)
        app.router.add_route("*", "/api/{method}", self._web_api.handle)
        app.router.add_get("/link/", self.hub.handle)
        app.router.add_post("/response/{id}", ResponseApi(self.responses).handle)
        app.add_routes(self._page_api.routes())
        app.add_routes(Control(self).routes())
        if (PAGE / "index.html").exists():
            app.router.add_get("/", _index)
            app.router.add_static("/static/", PAGE)
        return app

    # --- where and with what ------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The page."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self._port}"  # noqa: S104 - compared, not bound

    @property
    def api_url(self) -> str:
        """What `SLACK_API_URL` and `base_url` take."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.installation.bot_token

    @property
    def app_token(self) -> str:
        return self.installation.app_token

    @property
    def signing_secret(self) -> str:
        return self.installation.signing_secret

    @property
    def faults(self) -> Faults:
        return self.installation.faults

    @property
    def traffic(self) -> Traffic:
        return self.installation.traffic

    @property
    def rate_limits(self) -> RateLimits:
        return self._web_api.rate_limits

    # --- for tests ----------------------------------------------------------------------------

    def person(self, user_id: str) -> Player:
        """The hands and eyes of one person."""
        return Player(self, user_id)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock ahead."""
        self.workspace.clock.advance(seconds)
        self.workspace.feed.publish("clock", {"now": self.workspace.clock.now()})

    def reset(self) -> None:
        """Back to the seed, without faults; tokens, connections and the traffic log stay."""
        self.installation.faults.clear()
        self.workspace.reset()

    async def until(self, holds: Callable[[], object], *, within: float = 5.0) -> None:
        """Return as soon as the condition holds; looked at after everything that happens.

        TimeoutError after `within` seconds of real time.
        """
        stirred = asyncio.Event()

        def stir(_: News) -> None:
            stirred.set()

        stop = self.workspace.feed.listen(stir)
        try:
            async with asyncio.timeout(within):
                while not holds():
                    stirred.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(GLANCE):
                            await stirred.wait()
        finally:
            stop()

    async def connected(self, *, connections: int = 1, within: float = 5.0) -> None:
        """Return as soon as the app has so many sockets open."""
        await self.until(lambda: self.hub.connections >= connections, within=within)


async def _index(request: web.Request) -> web.FileResponse:
    del request
    return web.FileResponse(PAGE / "index.html")
