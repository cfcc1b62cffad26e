"""The Events API: what the app subscribed to is delivered, and again when nobody acknowledged it.

Redeliveries: one second after the first failure, then after a minute and after five. Slack's own
first one has been seen about four seconds after the first send.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.wire import fresh_id
from sandbox.workspace import SLACKBOT

if TYPE_CHECKING:
    from sandbox.delivery import Delivery
    from sandbox.feed import News
    from sandbox.installation import Installation
    from sandbox.records import Channel, Message
    from sandbox.wire import Json

RETRY_AFTER = (1.0, 60.0, 300.0)


class Events:
    """Sends events in the background, each by a task of its own."""

    def __init__(self, installation: Installation, delivery: Delivery) -> None:
        self._installation = installation
        self._delivery = delivery
        self._running: set[asyncio.Task[None]] = set()
        self._stop_listening = installation.workspace.feed.listen(self._on_news)

    # --- what can happen ----------------------------------------------------------------------

    def home_opened(self, user: str, tab: str) -> None:
        """Someone opened the app's page."""
        workspace = self._installation.workspace
        event: Json = {"user": user, "channel": workspace.dm_with(user).id, "tab": tab}
        view = workspace.views.home(user)
        if tab == "home" and view is not None:
            event["view"] = self._installation.view(view)
        self.emit("app_home_opened", "app_home_opened", event)

    def member_joined(self, user: str, channel: Channel) -> None:
        """Someone became a member."""
        self._about_member("member_joined_channel", user, channel)

    def member_left(self, user: str, channel: Channel) -> None:
        """Someone left or was removed; of itself the app is told by another name."""
        if user == self._installation.bot_user:
            name = "group_left" if channel.is_private else "channel_left"
            self.emit(name, name, {"channel": channel.id, "actor_id": user})
            return
        self._about_member("member_left_channel", user, channel)

    def _about_member(self, name: str, user: str, channel: Channel) -> None:
        kind = "G" if channel.is_private else "C"
        team = self._installation.workspace.team_id
        event: Json = {"user": user, "channel": channel.id, "channel_type": kind, "team": team}
        self.emit(name, name, event)

    def channel_changed(self, what: str, channel: Channel) -> None:
        """A channel was archived, unarchived or deleted: `what` is the verb of the event.

        Nobody in particular did it, so Slackbot is named.
        """
        name = f"{'group' if channel.is_private else 'channel'}_{what}"
        self.emit(name, name, {"channel": channel.id, "user": SLACKBOT})

    def user_changed(self, user: str) -> None:
        """An account changed: deactivated, renamed."""
        record = self._installation.workspace.users[user]
        with_email = "users:read.email" in self._installation.scopes
        self.emit("user_change", "user_change", {"user": record.wire(with_email=with_email)})

    def group_changed(self, group: str, added: list[str], removed: list[str]) -> None:
        """The members of a user group changed."""
        now = int(self._installation.workspace.clock.now())
        event: Json = {
            "subteam_id": group,
            "team_id": self._installation.workspace.team_id,
            "date_previous_update": now - 1,
            "date_update": now,
            "added_users": added,
            "added_users_count": len(added),
            "removed_users": removed,
            "removed_users_count": len(removed),
        }
        self.emit("subteam_members_changed", "subteam_members_changed", event)

    def _on_news(self, news: News) -> None:
        if news.body["type"] != "message":
            return
        workspace = self._installation.workspace
        message = workspace.timeline.find(news.body["channel"], news.body["ts"])
        channel = workspace.channels.get(news.body["channel"])
        if message and channel and workspace.bot in channel.members:
            self._said(message, channel)

    def _said(self, message: Message, channel: Channel) -> None:
        kinds = {"dm": "im", "channel": "group" if channel.is_private else "channel"}
        kind = kinds[channel.kind]
        names = {"im": "message.im", "group": "message.groups", "channel": "message.channels"}
        event = message.wire() | {"channel": channel.id, "channel_type": kind}
        self.emit(names[kind], "message", event)
        if f"<@{self._installation.bot_user}>" in message.text and not message.bot_id:
            self.emit("app_mention", "app_mention", message.wire() | {"channel": channel.id})

    # --- sending ------------------------------------------------------------------------------

    def emit(self, subscription: str, kind: str, event: Json) -> None:
        """Send an event if the app asked for it; `kind` is the inner type."""
        if not self._installation.manifest.hears(subscription):
            return
        stamp = event.get("ts") or self._installation.workspace.timeline.next_ts()
        payload = self._wrapped({**event, "type": kind, "event_ts": stamp})
        task = asyncio.get_running_loop().create_task(self._deliver(payload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _wrapped(self, event: Json) -> Json:
        installation = self._installation
        workspace = installation.workspace
        place = workspace.channels.get(str(event.get("channel", "")))
        return {
            "token": installation.verification_token,
            "team_id": workspace.team_id,
            "api_app_id": installation.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": fresh_id("Ev"),
            "event_time": int(workspace.clock.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.team_id,
                    "user_id": workspace.bot,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": bool(place and place.is_ext_shared),
            "event_context": fresh_id("EC"),
        }

    async def _deliver(self, payload: Json) -> None:
        reason = ""
        for attempt, pause in enumerate((0.0, *RETRY_AFTER)):
            if pause:
                await self._installation.workspace.clock.sleep(pause)
            envelope = self._delivery.envelope("events_api", payload)
            ack = await self._delivery.send(envelope, attempt=attempt, reason=reason)
            if ack.is_ok or not ack.may_retry:
                return
            reason = ack.reason

    async def close(self) -> None:
        """Give up what is still waiting for its redelivery."""
        self._stop_listening()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
