"""Who may use the page and the control API: a browser on this machine, looking at our own page.

There is no login, so foreign web pages must be kept out: by the Host header (a name that was made
to point to loopback) and by the Origin header (another site's script or form).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.wire import RefusedActError, SlackError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


LOOPBACK = ("127.0.0.1", "localhost", "::1")
BY_TOKEN = ("/api/", "/link/", "/response/")
"""Paths that ask for a token, a ticket or an unguessable id instead."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Fence:
    """Turns foreign requests away and refusals into JSON."""

    def __init__(self, hosts: tuple[str, ...] = ()) -> None:
        self._hosts = {*LOOPBACK, *hosts}

    @property
    def middleware(self) -> Middleware:
        """For `web.Application`."""

        @web.middleware
        async def keep(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(BY_TOKEN):
                return await handler(request)
            if not self._is_ours(request):
                return _refusal("foreign_origin", "Open the sandbox's own page.", status=403)
            try:
                response = await handler(request)
            except RefusedActError as error:
                return _refusal(error.code, error.message)
            except SlackError as error:
                return _refusal(error.code, f"The sandbox says {error.code}.")
            if not response.prepared:
                for name, value in HEADERS.items():
                    response.headers.setdefault(name, value)
            return response

        return keep

    def _is_ours(self, request: web.Request) -> bool:
        if urlsplit(f"//{request.host}").hostname not in self._hosts:
            return False
        origin = request.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == request.host


def _refusal(code: str, message: str, *, status: int = 400) -> web.Response:
    return web.json_response({"ok": False, "error": code, "message": message}, status=status)
