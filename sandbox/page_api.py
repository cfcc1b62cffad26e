"""What the page asks: the workspace as one person sees it, its news, and acting as that person."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.wire import Json, RefusedActError

if TYPE_CHECKING:
    from sandbox.acts import Acts
    from sandbox.feed import News
    from sandbox.installation import Installation
    from sandbox.records import Channel

PULSE = 15.0
"""Seconds of silence after which a stream says that it is alive."""


class PageApi:
    """`/sandbox/bootstrap … /sandbox/act/…`."""

    def __init__(self, installation: Installation, acts: Acts) -> None:
        self._installation = installation
        self._workspace = installation.workspace
        self._acts = acts
        self._queues: set[asyncio.Queue[News | None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Everything under `/sandbox/` that the page uses."""
        return [
            web.get("/sandbox/bootstrap", self.bootstrap),
            web.get("/sandbox/inbox", self.inbox),
            web.post("/sandbox/read", self.read),
            web.get("/sandbox/messages", self.messages),
            web.get("/sandbox/home", self.home),
            web.get("/sandbox/views", self.views),
            web.get("/sandbox/events", self.events),
            web.post("/sandbox/act/{verb}", self.act),
        ]

    # --- looking ------------------------------------------------------------------------------

    async def bootstrap(self, request: web.Request) -> web.Response:
        """All that stands still: people, channels, groups, the app and its commands."""
        del request
        workspace, installation = self._workspace, self._installation
        channels = [c for c in workspace.channels.values() if c.kind == "channel"]
        team = {"id": workspace.team_id, "name": workspace.name, "domain": workspace.domain}
        fields = {"command", "usage_hint", "description"}
        return web.json_response(
            {
                "team": team,
                "app": {
                    "id": installation.app_id,
                    "name": installation.manifest.name,
                    "bot_user_id": installation.bot_user,
                    "bot_id": installation.bot_id,
                    "home_tab_enabled": installation.manifest.home.home_tab_enabled,
                    "commands": [
                        command.model_dump(include=fields)
                        for command in installation.manifest.commands
                    ],
                },
                "users": [user.for_page() for user in workspace.users.values()],
                "channels": [channel.for_page() for channel in channels],
                "usergroups": [
                    {"id": g.id, "handle": g.handle, "name": g.name, "users": list(g.users)}
                    for g in workspace.usergroups.values()
                ],
                "now": workspace.clock.now(),
                "notes": list(workspace.notes),
            }
        )

    async def inbox(self, request: web.Request) -> web.Response:
        """The person's sidebar."""
        user = self._who(request)
        listed = [self._entry(user, channel) for channel in self._workspace.channels_of(user)]
        return web.json_response({"channels": listed})

    def _entry(self, user: str, channel: Channel) -> Json:
        said = list(self._workspace.timeline.top_level(channel.id))
        name = channel.name if channel.kind == "channel" else self._installation.manifest.name
        return {
            "id": channel.id,
            "name": name,
            "kind": channel.kind,
            "is_private": channel.is_private,
            "is_archived": channel.is_archived,
            "unread": self._workspace.unread(user, channel.id),
            "last_ts": said[-1].ts if said else None,
        }

    async def read(self, request: web.Request) -> web.Response:
        """Mark as read."""
        body = await body_of(request)
        user, channel = _need(body, "as"), _need(body, "channel")
        self._workspace.channel_for(self._known(user), channel)
        self._workspace.mark_read(user, channel, _need(body, "ts"))
        return web.json_response({"ok": True})

    async def messages(self, request: web.Request) -> web.Response:
        """A channel or a thread, oldest first, the newest `limit` of it."""
        user = self._who(request)
        query = request.query
        channel = self._workspace.channel_for(user, query.get("channel", ""))
        limit = max(1, min(number_of(query.get("limit", "100")), 1000))
        seen = self._workspace.timeline.seen_by(
            user, channel.id, thread_ts=query.get("thread_ts"), before=query.get("before")
        )
        return web.json_response({"messages": seen[-limit:], "has_more": len(seen) > limit})

    async def home(self, request: web.Request) -> web.Response:
        """The person's Home tab."""
        view = self._workspace.views.home(self._who(request))
        return web.json_response({"view": self._installation.view(view) if view else None})

    async def views(self, request: web.Request) -> web.Response:
        """The person's open forms."""
        stack = self._workspace.views.stack(self._who(request))
        return web.json_response({"stack": [self._installation.view(view) for view in stack]})

    # --- news ---------------------------------------------------------------------------------

    async def events(self, request: web.Request) -> web.StreamResponse:
        """The person's news as server-sent events, from Last-Event-ID on."""
        user = self._who(request)
        feed = self._workspace.feed
        waiting: asyncio.Queue[News | None] = asyncio.Queue()
        stop = feed.listen(waiting.put_nowait)
        missed = self._missed(request)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            await response.write(f"retry: 1000\nid: {feed.last_id}\n\n".encode())
            for news in missed:
                await response.write(_event(news))
            await self._stream(response, waiting, user)
        except ConnectionResetError:
            pass  # the page went away: nothing is left to do for it
        finally:
            stop()
        return response

    def _missed(self, request: web.Request) -> list[News]:
        last = request.headers.get("Last-Event-ID", "")
        if not last.isdigit():
            return []
        missed = self._workspace.feed.since(int(last))
        if missed is None:
            return [self._workspace.feed.anew()]
        return [news for news in missed if news.is_for(self._who(request))]

    async def _stream(
        self, response: web.StreamResponse, waiting: asyncio.Queue[News | None], user: str
    ) -> None:
        self._queues.add(waiting)
        try:
            while True:
                news: News | None = None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PULSE):
                        news = await waiting.get()
                        if news is None:
                            return
                if news is None:
                    await response.write(b": alive\n\n")
                elif news.is_for(user):
                    await response.write(_event(news))
        finally:
            self._queues.discard(waiting)

    def close(self) -> None:
        """End all streams: the sandbox stops."""
        for waiting in self._queues:
            waiting.put_nowait(None)

    # --- acting -------------------------------------------------------------------------------

    async def act(self, request: web.Request) -> web.Response:
        """Do something as a person."""
        body = await body_of(request)
        user = self._known(_need(body, "as"))
        match request.match_info["verb"]:
            case "command":
                done = await self._acts.command(user, _need(body, "channel"), _need(body, "text"))
            case "message":
                thread_ts = body.get("thread_ts") or None
                done = await self._acts.message(
                    user, _need(body, "channel"), _need(body, "text"), thread_ts=thread_ts
                )
            case "click":
                done = await self._click(user, body)
            case "submit":
                done = await self._acts.submit(user, _need(body, "view_id"), body.get("values", {}))
            case "close":
                done = await self._acts.close(user, _need(body, "view_id"))
            case "home":
                done = await self._acts.home(user, str(body.get("tab", "home")))
            case verb:
                raise RefusedActError("unknown_act", f"Nobody can {verb} here.")
        return web.json_response(done)

    async def _click(self, user: str, body: Json) -> Json:
        if view_id := body.get("view_id"):
            return await self._acts.click_view(user, str(view_id), body)
        channel, ts = _need(body, "channel"), _need(body, "message_ts")
        is_stale = body.get("stale") is True
        return await self._acts.click_message(user, channel, ts, body, stale=is_stale)

    def _who(self, request: web.Request) -> str:
        return self._known(request.query.get("as", ""))

    def _known(self, user: str) -> str:
        if user not in self._workspace.users:
            raise RefusedActError("user_not_found", f"Nobody here has the id {user}.")
        return user


async def body_of(request: web.Request) -> Json:
    """The JSON object that was posted; only as JSON, so that no foreign page can post a form."""
    if request.content_type != "application/json":
        raise RefusedActError("not_json", "Send this as application/json.")
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError:
        raise RefusedActError("invalid_json", "The body is no JSON.") from None
    if not isinstance(body, dict):
        raise RefusedActError("invalid_json", "The body is no JSON object.")
    return body


def number_of(text: object) -> int:
    """A whole number from a query or body."""
    try:
        return int(str(text))
    except ValueError:
        raise RefusedActError("invalid_arguments", f"{text} is no number.") from None


def _need(body: Json, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise RefusedActError("invalid_arguments", f"The key {key} is missing.")
    return value


def _event(news: News) -> bytes:
    data = json.dumps(news.body, ensure_ascii=False, separators=(",", ":"))
    return f"id: {news.id}\ndata: {data}\n\n".encode()
