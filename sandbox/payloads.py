"""The payloads of commands and interactions, as Slack's reference shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.records import Channel, Message, User
    from sandbox.views import View
    from sandbox.wire import Json


class Payloads:
    """Builds payloads for one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def command(
        self, user: User, channel: Channel, *, command: str, text: str, url: str, trigger: str
    ) -> Json:
        """A slash command. All values are strings: it travels as a form."""
        workspace = self._installation.workspace
        return {
            "token": self._installation.verification_token,
            "team_id": workspace.team_id,
            "team_domain": workspace.domain,
            "channel_id": channel.id,
            "channel_name": _shown_name(channel, in_command=True),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": self._installation.app_id,
            "is_enterprise_install": "false",
            "response_url": url,
            "trigger_id": trigger,
        }

    def message_action(
        self, user: User, channel: Channel, message: Message, *, shown: Json, action: Json
    ) -> Json:
        """A click in a message; `shown` is the form of it that the person saw."""
        is_ephemeral = message.ephemeral_to is not None
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": is_ephemeral,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload = self._interaction("block_actions", user) | {
            "container": container,
            "channel": {"id": channel.id, "name": _shown_name(channel)},
            "state": {"values": {}},
            "actions": [action],
        }
        return payload if is_ephemeral else payload | {"message": shown}

    def view_action(self, user: User, view: View, *, action: Json) -> Json:
        """A click in a modal or on the Home tab."""
        shown = self._installation.view(view)
        return self._interaction("block_actions", user) | {
            "container": {"type": "view", "view_id": view.id},
            "view": shown,
            "actions": [action],
        }

    def submission(self, user: User, view: View) -> Json:
        """A form that was sent off."""
        payload = self._interaction("view_submission", user)
        return payload | {"view": self._installation.view(view), "response_urls": []}

    def closing(self, user: User, view: View, *, is_cleared: bool) -> Json:
        """A form that was closed by the person."""
        payload = self._interaction("view_closed", user)
        return payload | {"view": self._installation.view(view), "is_cleared": is_cleared}

    def _interaction(self, kind: str, user: User) -> Json:
        workspace = self._installation.workspace
        return {
            "type": kind,
            "user": {
                "id": user.id,
                "username": user.name,
                "name": user.name,
                "team_id": user.team_id,
            },
            "api_app_id": self._installation.app_id,
            "token": self._installation.verification_token,
            "team": {"id": workspace.team_id, "domain": workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }


def _shown_name(channel: Channel, *, in_command: bool = False) -> str:
    if channel.kind == "dm":
        return "directmessage"
    if channel.is_private and in_command:
        return "privategroup"
    return channel.name
