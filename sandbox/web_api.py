"""The Web API: takes a call as any client may send it, and answers as Slack does.

Order of the refusals: fault on order, unknown method, rate limit, token, kind of token, scope,
then whatever the method itself finds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
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
HANGING = 24 * 3600.0
"""Seconds of an answer that never comes; whoever waits gives up before."""
_NOT_LOGGED = ("token", "client_secret")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call on its way: what came, and its entry in the traffic log."""

    request: web.Request
    method: str
    args: Json
    token: str | None
    entry: Json


class WebApi:
    """`/api/<method>`."""

    def __init__(self, installation: Installation, events: Events, hub: SocketHub) -> None:
        self._installation = installation
        self._events = events
        self._hub = hub
        self.rate_limits = RateLimits(installation.workspace.clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one call."""
        method = request.match_info["method"]
        try:
            args = await arguments(request)
        except SlackError as error:
            return web.json_response(error.body())
        shown = {key: value for key, value in args.items() if key not in _NOT_LOGGED}
        entry = self._installation.traffic.note("call", method=method, args=shown)
        exchange = Exchange(request, method, args, _token(request, args), entry)
        fault = self._installation.faults.take(method, args)
        if fault is None:
            return self._answered(exchange)
        return await self._faulty(exchange, fault)

    def _answered(self, exchange: Exchange) -> web.Response:
        known = METHODS.get(exchange.method)
        if known is not None:
            channel = str(exchange.args.get("channel") or "")
            wait = self.rate_limits.wait_for(exchange.method, channel, tier=known.tier)
            if wait is not None:
                return _limited(wait, exchange.entry, with_json=True)
        answer = self._run(exchange, known)
        exchange.entry["answer"] = _without_ticket(answer)
        headers = {}
        if known is not None and exchange.token == self._installation.bot_token:
            headers["x-oauth-scopes"] = ",".join(sorted(self._installation.scopes))
            headers["x-accepted-oauth-scopes"] = ",".join(known.scopes)
        return web.json_response(answer, headers=headers)

    def _run(self, exchange: Exchange, known: Method | None) -> Json:
        base_url = str(exchange.request.url.origin())
        try:
            if exchange.method == "apps.connections.open":
                return self._open_connection(exchange)
            if known is None:
                return {"ok": False, "error": "unknown_method", "req_method": exchange.method}
            self._admit(known, exchange.token)
            return known.run(Call(exchange.args, self._installation, self._events, base_url))
        except SlackError as error:
            return error.body()

    def _admit(self, known: Method, token: str | None) -> None:
        if known.is_open:
            return
        if self._installation.token_kind(token) != "bot":
            raise SlackError("not_allowed_token_type")
        self._installation.demand(*known.scopes)

    def _open_connection(self, exchange: Exchange) -> Json:
        if exchange.request.method != "POST":
            raise SlackError("invalid_arguments")
        if self._installation.token_kind(exchange.token) != "app":
            raise SlackError("not_allowed_token_type")
        link = exchange.request.url.origin().with_scheme("ws").with_path("/link/")
        query = {"ticket": self._hub.new_ticket(), "app_id": self._installation.app_id}
        return {"ok": True, "url": str(link.with_query(query))}

    async def _faulty(self, exchange: Exchange, fault: Fault) -> web.StreamResponse:
        exchange.entry["fault"] = fault.kind.value
        clock = self._installation.workspace.clock
        match fault.kind:
            case FaultKind.HANG:
                await clock.sleep(HANGING)
            case FaultKind.SLOW:
                await clock.sleep(fault.seconds)
                return self._answered(exchange)
            case FaultKind.STORED_THEN_DROP | FaultKind.STORED_THEN_STATUS:
                self._answered(exchange)
            case _:
                pass
        return broken(exchange.request, fault, exchange.entry)


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
