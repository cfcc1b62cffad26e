"""The control API, for tests in any language: seed, faults, time, links, traffic, forgeries."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar, cast, get_args

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from sandbox.delivery import Forgery
from sandbox.faults import Fault
from sandbox.page_api import body_of, number_of
from sandbox.records import Channel, User, Usergroup
from sandbox.socket_mode import Cut
from sandbox.wire import Json, RefusedActError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.server import SandboxServer

Record = TypeVar("Record", User, Channel, Usergroup)
Read = TypeVar("Read", User, Channel, Usergroup, Fault, Forgery)


class Control:
    """`/sandbox/reset … /sandbox/export`."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server
        self._workspace = server.workspace

    def routes(self) -> list[web.RouteDef]:
        """Everything under `/sandbox/` that the page does not use."""
        return [
            web.post("/sandbox/reset", self.reset),
            web.post("/sandbox/seed", self.seed),
            web.patch("/sandbox/users/{id}", self.patch_user),
            web.patch("/sandbox/usergroups/{id}", self.patch_usergroup),
            web.patch("/sandbox/channels/{id}", self.patch_channel),
            web.patch("/sandbox/app", self.patch_app),
            web.post("/sandbox/faults", self.add_fault),
            web.delete("/sandbox/faults", self.clear_faults),
            web.post("/sandbox/clock", self.move_clock),
            web.post("/sandbox/links", self.cut_links),
            web.get("/sandbox/traffic", self.traffic),
            web.post("/sandbox/deliver", self.deliver),
            web.get("/sandbox/export", self.export),
        ]

    async def reset(self, request: web.Request) -> web.Response:
        """Back to the seed, no faults."""
        del request
        self._server.reset()
        return _done()

    async def seed(self, request: web.Request) -> web.Response:
        """Add or replace people, channels and groups by id."""
        body = await body_of(request)
        team = {"team_id": self._workspace.team_id}
        for data in body.get("users", []):
            self._workspace.add_user(_read(User, {**team, "real_name": data.get("name")} | data))
        for data in body.get("channels", []):
            self._workspace.add_channel(_read(Channel, data))
        for data in body.get("usergroups", []):
            self._workspace.add_usergroup(_read(Usergroup, data))
        self._workspace.feed.publish("reset", {})
        return _done()

    # --- changing -----------------------------------------------------------------------------

    async def patch_user(self, request: web.Request) -> web.Response:
        """Deactivate, rename, make a guest …"""
        user = _existing(self._workspace.users, request)
        self._server.admin.change_user(user.id, **await body_of(request))
        return _done()

    async def patch_usergroup(self, request: web.Request) -> web.Response:
        """New members, another handle, disabled …"""
        group = _existing(self._workspace.usergroups, request)
        self._server.admin.change_usergroup(group.id, **await body_of(request))
        return _done()

    async def patch_channel(self, request: web.Request) -> web.Response:
        """Archive, rename, share, new members; `deleted`, `kick` and `invite` are acts."""
        channel = _existing(self._workspace.channels, request)
        self._server.admin.change_channel(channel.id, **await body_of(request))
        return _done()

    async def patch_app(self, request: web.Request) -> web.Response:
        """`scopes`, `revoked` (an error code or null), `request_url`, `rate_limits`, `burst`."""
        body = await body_of(request)
        installation = self._server.installation
        if "scopes" in body:
            installation.scopes = set(body["scopes"])
        if "revoked" in body:
            installation.revoked = body["revoked"]
        if "request_url" in body:
            self._server.delivery.request_url = body["request_url"]
        if "rate_limits" in body:
            self._server.rate_limits.is_on = bool(body["rate_limits"])
        if "burst" in body:
            self._server.rate_limits.burst = number_of(body["burst"])
        return _done()

    # --- trouble ------------------------------------------------------------------------------

    async def add_fault(self, request: web.Request) -> web.Response:
        """Order a fault: `{method, kind, times | always, …}`."""
        body = await body_of(request)
        if body.pop("always", False):
            body["times"] = None
        self._server.installation.faults.add(_read(Fault, body))
        return _done()

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Everything works again."""
        del request
        self._server.installation.faults.clear()
        return _done()

    async def move_clock(self, request: web.Request) -> web.Response:
        """`{advance: seconds}`."""
        body = await body_of(request)
        try:
            self._server.advance(float(body.get("advance", 0)))
        except (ValueError, TypeError):
            raise RefusedActError("invalid_time", "The clock moves ahead only.") from None
        return web.json_response({"ok": True, "now": self._workspace.clock.now()})

    async def cut_links(self, request: web.Request) -> web.Response:
        """`{act: close | abort | refresh | warning | disable}`."""
        act = (await body_of(request)).get("act")
        if act not in get_args(Cut):
            raise RefusedActError("unknown_act", f"Links cannot be {act}ed.")
        return web.json_response({"ok": True, "cut": await self._server.hub.cut(cast("Cut", act))})

    async def deliver(self, request: web.Request) -> web.Response:
        """Send again (`{redeliver: n}`, `{replay: n}`), or anything (`{envelope, forgery}`)."""
        body = await body_of(request)
        times = number_of(body.get("times", 1))
        send = self._server.redelivery
        if "redeliver" in body:
            acks = await send.again(number_of(body["redeliver"]), times=times)
        elif "replay" in body:
            acks = [await send.replayed(number_of(body["replay"]))]
        else:
            forgery = _read(Forgery, body.get("forgery") or {})
            acks = await send.forged(body.get("envelope"), times=times, forgery=forgery)
        answers = [{"ok": ack.is_ok, "error": ack.error, "body": ack.body} for ack in acks]
        return web.json_response({"ok": True, "acks": answers})

    # --- looking ------------------------------------------------------------------------------

    async def traffic(self, request: web.Request) -> web.Response:
        """Everything that went over the wire after entry `since`."""
        since = number_of(request.query.get("since", "0"))
        return web.json_response({"entries": self._server.installation.traffic.since(since)})

    async def export(self, request: web.Request) -> web.Response:
        """The whole workspace: what is there and what was said."""
        del request
        workspace = self._workspace
        said = {
            channel: [m.wire(with_metadata=True) for m in workspace.timeline.all(channel)]
            for channel in workspace.channels
        }
        return web.json_response(
            {
                "users": [dataclasses.asdict(user) for user in workspace.users.values()],
                "channels": [dataclasses.asdict(c) for c in workspace.channels.values()],
                "usergroups": [dataclasses.asdict(g) for g in workspace.usergroups.values()],
                "messages": said,
            }
        )


def _done() -> web.Response:
    return web.json_response({"ok": True})


def _existing(table: Mapping[str, Record], request: web.Request) -> Record:
    found = table.get(request.match_info["id"])
    if found is None:
        raise RefusedActError("not_found", f"There is no {request.match_info['id']} here.")
    return found


def _read(kind: type[Read], data: Json) -> Read:
    """The record from JSON; what is wrong with it in one sentence."""
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RefusedActError(
            "invalid_arguments", f"{kind.__name__} {where}: {first['msg']}."
        ) from None
