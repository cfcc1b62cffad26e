"""Requests of one's own making, signed as Slack signs them: the means of whoever attacks."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from sandbox.inputs import elements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.app.bot import Bot
    from sandbox import SandboxServer

Json = dict[str, Any]
"""A payload of the wire, made wrong on purpose."""


class Forge:
    """Knows the bot's address and the signing secret; a thief would not."""

    __slots__ = ()
    bot: Bot
    sandbox: SandboxServer

    # --- the front door -----------------------------------------------------------------------

    @property
    def door(self) -> str:
        return f"{self.bot.web.url}/slack/events"

    def signed(
        self,
        body: bytes,
        *,
        at: object = None,
        secret: str | None = None,
        kind: str = "application/x-www-form-urlencoded",
    ) -> dict[str, str]:
        """The headers that Slack would send with these bytes; whoever lacks the secret cannot."""
        stamp = str(int(time.time()) if at is None else at)
        key = (self.sandbox.signing_secret if secret is None else secret).encode()
        digest = hmac.new(key, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
            "Content-Type": kind,
        }

    async def knock(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """POST these bytes to the endpoint."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.door, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    async def send(self, envelope: str, payload: Json) -> tuple[int, str]:
        """A payload of one's own making, signed as Slack's, by HTTP; status and body."""
        if envelope == "interactive":
            payload = {"payload": json.dumps(payload)}
        body = urlencode(payload).encode()
        return await self.knock(body, self.signed(body))

    async def read(self, path: str, **headers: str) -> tuple[int, str]:
        """GET a page of the bot's web server."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.bot.web.url}{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    # --- payloads -----------------------------------------------------------------------------

    def press(self, card: Json, who: str, action: str, **changes: object) -> Json:
        """What Slack sends when that button of that message is pressed by that person."""
        value = next(
            element["value"]
            for _, element in elements(card["blocks"])
            if element["type"] == "button" and "value" in element
        )
        return {
            "type": "block_actions",
            "user": {"id": who, "team_id": self.sandbox.workspace.team_id},
            "team": {"id": self.sandbox.workspace.team_id},
            "api_app_id": "A0SANDBOX",
            "trigger_id": self.sandbox.workspace.views.new_trigger(who),
            "container": {
                "type": "message",
                "channel_id": card["channel"],
                "message_ts": card["ts"],
            },
            "channel": {"id": card["channel"]},
            "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value}],
            **changes,
        }

    def form(self, user: str, callback: str, metadata: str, values: Json) -> Json:
        """What Slack sends when a form of that kind is sent off by that person."""
        state = {name: {name: given} for name, given in values.items()}
        fields = [{"type": "input", "block_id": name} for name in values]
        view = {
            "id": f"V{self.sandbox.workspace.views.new_trigger(user)}",
            "type": "modal",
            "callback_id": callback,
            "private_metadata": metadata,
            "blocks": fields,
            "state": {"values": state},
        }
        user_part = {"id": user, "team_id": self.sandbox.workspace.team_id}
        return {
            "type": "view_submission",
            "user": user_part,
            "team": {"id": self.sandbox.workspace.team_id},
            "view": view,
        }
