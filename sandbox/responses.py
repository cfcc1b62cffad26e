"""Response URLs: five uses within thirty minutes, from where a command or a click came.

An answer is ephemeral unless it says `in_channel`, whatever the app's rights in the channel are.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.faults import FaultKind
from sandbox.methods.chat import POST_TEXT, escaped
from sandbox.records import Message
from sandbox.validation import blocks_or_error, metadata_or_error
from sandbox.web_api import arguments, broken
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.wire import Json

USES, LIFE = 5, 30 * 60.0
LINKS_KEPT = 10_000


@dataclass(slots=True)
class ResponseLink:
    """One response URL. `message` is what was clicked, None for a command."""

    id: str
    user: str
    channel: str
    born: float
    message: Message | None = None
    uses: int = 0


class Responses:
    """The response URLs that were given out."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._links: dict[str, ResponseLink] = {}
        self.base_url = ""

    def new(self, user: str, channel: str, *, message: Message | None = None) -> ResponseLink:
        """A link for what this person just did."""
        now = self._installation.workspace.clock.now()
        link = ResponseLink(secrets.token_urlsafe(18), user, channel, now, message)
        self._links[link.id] = link
        if len(self._links) > LINKS_KEPT:
            del self._links[next(iter(self._links))]
        return link

    def url(self, link: ResponseLink) -> str:
        """The address that the app gets."""
        return f"{self.base_url}/response/{link.id}"

    @property
    def installation(self) -> Installation:
        return self._installation

    def use(self, link_id: str, body: Json) -> None:
        """Do what was posted to a response URL; SlackError says why not."""
        link = self._links.get(link_id)
        if link is None:
            raise SlackError("invalid_url")
        if self._installation.workspace.clock.now() - link.born > LIFE:
            raise SlackError("expired_url")
        if link.uses >= USES:
            raise SlackError("used_url")
        link.uses += 1
        self.answer(link, body)

    def answer(self, link: ResponseLink, body: Json) -> Message | None:
        """Post, replace or delete as the body says; what was posted or replaced."""
        workspace = self._installation.workspace
        if link.channel not in workspace.channels:
            raise SlackError("channel_not_found")
        timeline = workspace.timeline
        if body.get("delete_original"):
            doomed = self._original(link)
            if doomed is None:
                raise SlackError("message_not_found")
            timeline.remove(doomed)
            return None
        text = escaped(str(body.get("text") or "")[:POST_TEXT])
        blocks = blocks_or_error(body["blocks"]) if body.get("blocks") else []
        if not (text or blocks):
            raise SlackError("no_text")
        original = self._original(link)
        if body.get("replace_original") and original is not None:
            timeline.change(original, text=text, blocks=blocks, metadata=original.metadata)
            return original
        return self._say(link, body, text, blocks)

    def _original(self, link: ResponseLink) -> Message | None:
        if link.message is None:
            return None
        found = self._installation.workspace.timeline.find_for
        return found(link.user, link.channel, link.message.ts)

    def _say(self, link: ResponseLink, body: Json, text: str, blocks: list[Json]) -> Message:
        installation = self._installation
        workspace = installation.workspace
        is_public = body.get("response_type") == "in_channel"
        thread_ts = body.get("thread_ts")
        return workspace.timeline.add(
            Message(
                ts=workspace.timeline.next_ts(),
                channel=link.channel,
                user=workspace.bot,
                text=text,
                blocks=blocks,
                bot_id=installation.bot_id,
                app_id=installation.app_id,
                team_id=workspace.team_id,
                thread_ts=str(thread_ts) if thread_ts else None,
                metadata=metadata_or_error(body.get("metadata")) if is_public else None,
                ephemeral_to=None if is_public else link.user,
            )
        )


class ResponseApi:
    """`POST /response/<id>`."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one use. 404 with a reason for a link that is used up or too old."""
        installation = self._responses.installation
        try:
            body = await arguments(request)
        except SlackError as error:
            return web.json_response(error.body(), status=400)
        entry = installation.traffic.note("response", body=body)
        fault = installation.faults.take("response_url", body)
        if fault is not None and fault.kind is not FaultKind.STORED_THEN_DROP:
            entry["fault"] = fault.kind.value
            return broken(request, fault, entry)
        try:
            self._responses.use(request.match_info["id"], body)
        except SlackError as error:
            entry["answer"] = error.body()
            status = 404 if error.code.endswith("_url") else 200
            return web.json_response(error.body(), status=status)
        return broken(request, fault, entry) if fault else web.Response(text="ok")
