"""The HTTP server of the bot.

Rules kept here: small limits on headers and bodies; a connection that sends no whole request head
within fifteen seconds is closed; an error never shows where it came from; `/metrics` is for who
holds the token, or without one for this machine itself and nobody behind a proxy on it.
"""

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.web.health import Health

log = structlog.get_logger("curfew.web")

BODY_LIMIT: Final = 2**20
HEAD_LIMIT: Final = 8_190
HEADERS: Final = 64
IDLE: Final = 15.0
"""Seconds that a connection may be open without a request, half a request head included."""

STOP_WITHIN: Final = 2.0
BACKLOG: Final = 256

FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""Headers by which a proxy says that the request is not from this machine."""

STRICT: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": "curfew",
}


class AwayError(Exception):
    """What would be shown cannot be had now."""


Document = Callable[[str, str], Awaitable[bytes | None]]
"""What a provider shows under a name; None for nothing. Raises `AwayError`."""

SlackEndpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
Scrape = Callable[[], Awaitable[bytes]]


class PortError(Exception):
    """Nobody can listen there. `message` is one sentence, `hint` the way out."""

    def __init__(self, message: str, *, hint: str) -> None:
        """Both end with a full stop."""
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Routes:
    """What is served. `slack` is None in Socket Mode, `document` where nothing is shown."""

    health: Health
    scrape: Scrape
    scrape_type: str
    metrics_token: str | None = None
    slack: SlackEndpoint | None = None
    document: Document | None = None


class WebServer:
    """Listens from `start` to `stop`."""

    def __init__(self, routes: Routes, *, host: str, port: int, idle: float = IDLE) -> None:
        """Port 0 takes a free one. `idle` is in seconds."""
        self._idle = idle
        self._routes = routes
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises `PortError` when that cannot be."""
        listener = listen(self._host, self._port)
        self._port = int(listener.getsockname()[1])
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            keepalive_timeout=self._idle,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            max_headers=HEADERS,
            shutdown_timeout=STOP_WITHIN,
        )
        await runner.setup()
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        self._runner = runner

    async def stop(self) -> None:
        """No new requests; those under way get two seconds. May be repeated."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[_guard], client_max_size=BODY_LIMIT)
        app.on_response_prepare.append(_strict)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        if self._routes.document is not None:
            app.router.add_get("/providers/{provider}/{document}", self._document)
        if self._routes.slack is not None:
            app.router.add_post("/slack/events", self._routes.slack)
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        alive, said = self._routes.health.alive()
        return web.json_response(said, status=_status(fine=alive))

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, said = await self._routes.health.ready()
        return web.json_response(said, status=_status(fine=ready))

    async def _metrics(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        body = await self._routes.scrape()
        return web.Response(body=body, headers={"Content-Type": self._routes.scrape_type})

    async def _document(self, request: web.Request) -> web.Response:
        """For a provider's machines, which have no password for us; 304 for what they have."""
        assert self._routes.document is not None  # noqa: S101 - else there is no such route
        provider, name = request.match_info["provider"], request.match_info["document"]
        try:
            body = await self._routes.document(provider, name)
        except AwayError:
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE)
        if body is None:
            return _plain(HTTPStatus.NOT_FOUND)
        mark = hashlib.sha256(body).hexdigest()
        if any(known.value in {mark, "*"} for known in request.if_none_match or ()):
            shown = web.Response(status=HTTPStatus.NOT_MODIFIED)
        else:
            shown = web.Response(body=body, content_type="application/octet-stream")
        shown.etag = mark
        return shown

    def _refusal(self, request: web.Request) -> web.Response | None:
        token = self._routes.metrics_token
        if token is None:
            return None if _is_local(request) else _plain(HTTPStatus.FORBIDDEN)
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, f"Bearer {token}".encode()):
            return None
        refused = _plain(HTTPStatus.UNAUTHORIZED)
        refused.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises `PortError`, with what to do about it."""
    try:
        place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = place[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortError(
            f"{host} is no address of this machine: {error.strerror}.",
            hint="Correct CURFEW_HOST; 127.0.0.1 is this machine only, 0.0.0.0 everybody.",
        ) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise PortError(
            f"Nobody can listen on {host} port {port}: {(error.strerror or str(error)).lower()}.",
            hint="Stop the program that has the port, or choose another one: CURFEW_PORT=3001.",
        ) from None
    return listener


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The edge: what goes wrong inside is logged with a reference and not shown."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        refused = _plain(HTTPStatus(error.status))
        if "Allow" in error.headers:
            refused.headers["Allow"] = error.headers["Allow"]
        return refused
    except Exception:
        reference = token_hex(4)
        log.exception("request failed", path=request.path, reference=reference)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return web.Response(status=status, text=f"{status.phrase} (reference {reference})\n")


async def _strict(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(STRICT)


def _plain(status: HTTPStatus) -> web.Response:
    return web.Response(status=status, text=f"{status.phrase}\n")


def _status(*, fine: bool) -> HTTPStatus:
    return HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE


def _is_local(request: web.Request) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
