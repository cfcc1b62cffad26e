"""The Web API: takes a call as any client may send it, and answers as Slack does.

Order of the refusals: fault on order, unknown method, rate limit, token, kind of token, scope,
then whatever the method itself finds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.call import METHODS, Call
from sandbox.faults import Fault, FaultKind
from sandbox.methods import chat, conversations, people, views
from sandbox.rate_limits import RateLimits
from sandbox.wire import Json, SlackError

if TYPE_CHECKING:
    from sandbox.call import Method
    from sandbox.events import Events
    from sandbox.installation import Installation
    from sandbox.socket_mode import SocketHub

FAMILIES = (chat, conversations, people, views)
"""Imported for the methods that they register."""

_HTML = "<!DOCTYPE html><html><body><h1>Server Error</h1></body></html>"
_NOT_LOGGED = ("token", "client_secret")


class WebApi:
    """`/api/<method>`."""

    def __init__(self, installation: Installation, events: Events, hub: SocketHub) -> None:
        self._installation = installation
        self._events = events
        self._hub = hub
        self.rate_limits = RateLimits(installation.workspace.clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one call."""
        name = request.match_info["method"]
        try:
            args = await arguments(request)
        except SlackError as error:
            return web.json_response(error.body())
        token = _token(request, args)
        entry = self._installation.traffic.note(
            "call", method=name, args={k: v for k, v in args.items() if k not in _NOT_LOGGED}
        )
        fault = self._installation.faults.take(name, args)
        if fault is not None:
            return await self._faulty(request, name, args, token, fault, entry)
        return self._answered(request, name, args, token, entry)

    def _answered(
        self, request: web.Request, name: str, args: Json, token: str | None, entry: Json
    ) -> web.Response:
        known = METHODS.get(name)
        wait = None
        if known is not None:
            channel = str(args.get("channel") or "")
            wait = self.rate_limits.wait_for(name, channel, tier=known.tier)
        if wait is not None:
            return _limited(wait, entry, with_json=True)
        answer = self._run(request, name, args, token)
        entry["answer"] = _without_ticket(answer)
        headers = {}
        if known is not None and token == self._installation.bot_token:
            headers["x-oauth-scopes"] = ",".join(sorted(self._installation.scopes))
            headers["x-accepted-oauth-scopes"] = ",".join(known.scopes)
        return web.json_response(answer, headers=headers)

    def _run(self, request: web.Request, name: str, args: Json, token: str | None) -> Json:
        base_url = str(request.url.origin())
        try:
            if name == "apps.connections.open":
                return self._open_connection(request, token)
            known = METHODS.get(name)
            if known is None:
                return {"ok": False, "error": "unknown_method", "req_method": name}
            self._admit(known, token)
            return known.run(Call(args, self._installation, self._events, base_url))
        except SlackError as error:
            return error.body()

    def _admit(self, known: Method, token: str | None) -> None:
        if known.token == "any":  # noqa: S105 - a kind of token, not one
            return
        if self._installation.token_kind(token) != known.token:
            raise SlackError("not_allowed_token_type")
        self._installation.demand(*known.scopes)

    def _open_connection(self, request: web.Request, token: str | None) -> Json:
        if request.method != "POST":
            raise SlackError("invalid_arguments")
        if self._installation.token_kind(token) != "app":
            raise SlackError("not_allowed_token_type")
        origin = request.url.origin()
        link = origin.with_scheme("ws").with_path("/link/")
        query = {"ticket": self._hub.new_ticket(), "app_id": self._installation.app_id}
        return {"ok": True, "url": str(link.with_query(query))}

    async def _faulty(
        self,
        request: web.Request,
        name: str,
        args: Json,
        token: str | None,
        fault: Fault,
        entry: Json,
    ) -> web.StreamResponse:
        entry["fault"] = fault.kind.value
        clock = self._installation.workspace.clock
        if fault.kind is FaultKind.HANG:
            await clock.sleep(24 * 3600)
        if fault.kind is FaultKind.SLOW:
            await clock.sleep(fault.seconds)
        if fault.kind in (
            FaultKind.SLOW,
            FaultKind.STORED_THEN_DROP,
            FaultKind.STORED_THEN_STATUS,
        ):
            answer = self._answered(request, name, args, token, entry)
            if fault.kind is FaultKind.SLOW:
                return answer
        return broken(request, fault, entry)


def broken(request: web.Request, fault: Fault, entry: Json) -> web.Response:
    """The answer that the fault orders, without doing anything."""
    match fault.kind:
        case FaultKind.ERROR:
            scopes = {"needed": fault.needed, "provided": fault.provided}
            body = SlackError(fault.error).body() | {k: v for k, v in scopes.items() if v}
            return web.json_response(body)
        case FaultKind.RATELIMITED:
            return _limited(fault.retry_after, entry, with_json=fault.with_json)
        case FaultKind.NOT_JSON:
            return web.Response(text=_HTML, content_type="text/html")
        case FaultKind.STATUS | FaultKind.STORED_THEN_STATUS:
            return web.Response(status=fault.status, text=_HTML, content_type="text/html")
        case _:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)


async def arguments(request: web.Request) -> Json:
    """Query, form and JSON body in one; JSON wins over the form, the form over the query.

    SlackError `invalid_json` for a body that is none.
    """
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        return args | body if isinstance(body, dict) else args
    if request.method == "POST":
        args |= {key: value for key, value in (await request.post()).items() if value != ""}
    return args


def _token(request: web.Request, args: Json) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and token:
        return token
    sent = args.get("token")
    return str(sent) if sent and "token" not in request.query else None


def _limited(seconds: int, entry: Json, *, with_json: bool) -> web.Response:
    headers = {"Retry-After": str(seconds)}
    answer = {"ok": False, "error": "ratelimited"}
    entry["answer"] = answer
    if with_json:
        return web.json_response(answer, status=429, headers=headers)
    return web.Response(status=429, headers=headers)


def _without_ticket(answer: Json) -> Json:
    return {**answer, "url": "…"} if "ticket=" in str(answer.get("url", "")) else answer
