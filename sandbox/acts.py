"""What people do: commands, messages, clicks, forms, the Home tab.

Each act ends when the app has acknowledged it or failed to, and returns what Slack would show the
person: `{ok: true, …}` or `{ok: false, error, message}`. What nobody could do in Slack raises
`RefusedActError`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.clicks import chosen
from sandbox.inputs import complaints, find_element
from sandbox.payloads import Payloads
from sandbox.records import Message
from sandbox.submissions import conclude
from sandbox.wire import Json, RefusedActError, SlackError

if TYPE_CHECKING:
    from sandbox.delivery import Ack, Delivery
    from sandbox.events import Events
    from sandbox.installation import Installation
    from sandbox.manifest import Command
    from sandbox.records import Channel
    from sandbox.responses import ResponseLink, Responses
    from sandbox.views import View


class Acts:
    """The hands of everybody in the workspace."""

    def __init__(
        self,
        installation: Installation,
        delivery: Delivery,
        events: Events,
        responses: Responses,
    ) -> None:
        self._installation = installation
        self._workspace = installation.workspace
        self._delivery = delivery
        self._events = events
        self._responses = responses
        self._payloads = Payloads(installation)

    # --- saying -------------------------------------------------------------------------------

    async def command(self, user_id: str, channel_id: str, line: str) -> Json:
        """Type a slash command."""
        user = self._workspace.person(user_id)
        channel = self._workspace.channel_for(user_id, channel_id)
        name, _, text = line.strip().partition(" ")
        known = self._installation.manifest.command(name)
        if known is None:
            return _failed("unknown_command", f"{name} is not a valid command.")
        if user.is_stranger:
            return _failed("restricted_action", f"{name} belongs to another workspace.")
        link = self._responses.new(user_id, channel.id)
        payload = self._payloads.command(
            user,
            channel,
            command=name,
            text=self._typed_command(known, text.strip()),
            url=self._responses.url(link),
            trigger=self._workspace.views.new_trigger(user_id),
        )
        ack = await self._delivery.send(self._delivery.envelope("slash_commands", payload))
        if not ack.is_ok:
            return _failed(ack.error or "", f"{name} failed with the error “{ack.error}”.")
        return self._said_in_ack(link, name, ack.body)

    def _said_in_ack(self, link: ResponseLink, name: str, body: object) -> Json:
        said = {"text": body} if isinstance(body, str) else body
        if not isinstance(said, dict) or not (said.get("text") or said.get("blocks")):
            return {"ok": True}
        try:
            message = self._responses.answer(link, said)
        except SlackError as error:
            shown = _failed(error.code, f"{name} failed with the error “{error.code}”.")
            return shown | {"details": list(error.messages)}
        timeline = self._workspace.timeline
        return {"ok": True, "response": timeline.for_page(message) if message else None}

    async def message(
        self, user_id: str, channel_id: str, text: str, *, thread_ts: str | None = None
    ) -> Json:
        """Say something in a channel, a thread or to the app."""
        self._workspace.person(user_id)
        channel = self._workspace.channel_for(user_id, channel_id)
        self._may_write(user_id, channel)
        if not text.strip():
            raise RefusedActError("no_text", "There is nothing to send.")
        timeline = self._workspace.timeline
        if thread_ts is not None and timeline.find(channel.id, thread_ts) is None:
            raise RefusedActError("thread_not_found", "The message of this thread is gone.")
        user = self._workspace.users[user_id]
        message = timeline.add(
            Message(
                ts=timeline.next_ts(),
                channel=channel.id,
                user=user_id,
                text=self._typed(text),
                team_id=user.team_id,
                thread_ts=thread_ts,
            )
        )
        self._workspace.mark_read(user_id, channel.id, message.ts)
        return {"ok": True, "message": timeline.for_page(message)}

    def _may_write(self, user_id: str, channel: Channel) -> None:
        if user_id not in channel.members:
            raise RefusedActError("not_in_channel", f"Join #{channel.name} to write there.")
        if channel.is_archived:
            raise RefusedActError("is_archived", f"#{channel.name} is archived.")
        home = self._installation.manifest.home
        is_closed = not home.messages_tab_enabled or home.messages_tab_read_only_enabled
        if channel.kind == "dm" and is_closed:
            raise RefusedActError("restricted_action", "Sending messages to this app is off.")

    # --- clicking -----------------------------------------------------------------------------

    async def click_message(
        self, user_id: str, channel_id: str, message_ts: str, choice: Json, *, stale: bool = False
    ) -> Json:
        """Use an element of a message; with `stale`, also one that a former version showed."""
        user = self._workspace.person(user_id)
        channel = self._workspace.channel_for(user_id, channel_id)
        message = self._workspace.timeline.find_for(user_id, channel.id, message_ts)
        if message is None:
            raise RefusedActError("message_not_found", "This message is gone.")
        shown, element = _offered(message, choice, stale=stale)
        action = chosen(element, choice, at=self._workspace.timeline.next_ts())
        payload = self._payloads.message_action(user, channel, message, shown=shown, action=action)
        link = self._responses.new(user_id, channel.id, message=message)
        payload["response_url"] = self._responses.url(link)
        payload["trigger_id"] = self._workspace.views.new_trigger(user_id)
        return await self._interact(payload)

    async def click_view(self, user_id: str, view_id: str, choice: Json) -> Json:
        """Use an element of a modal or of the Home tab."""
        user = self._workspace.person(user_id)
        view = self._view_of(user_id, view_id)
        ids = str(choice.get("block_id", "")), str(choice.get("action_id", ""))
        element = find_element(view.blocks, *ids)
        if element is None:
            raise RefusedActError("no_such_action", "This is no longer there.")
        action = chosen(element, choice, at=self._workspace.timeline.next_ts())
        typed = dict(choice.get("values") or {})
        typed.setdefault(ids[0], {})[ids[1]] = action
        self._workspace.views.remember(view, typed)
        payload = self._payloads.view_action(user, view, action=action)
        is_modal = view.body["type"] == "modal"
        payload["trigger_id"] = self._workspace.views.new_trigger(
            user_id, view.id if is_modal else None
        )
        return await self._interact(payload)

    async def _interact(self, payload: Json) -> Json:
        if not self._installation.manifest.is_interactive:
            return _failed("not_interactive", "This app is not set up for buttons.")
        ack = await self._delivery.send(self._delivery.envelope("interactive", payload))
        return {"ok": True} if ack.is_ok else _trouble(ack)

    # --- forms --------------------------------------------------------------------------------

    async def submit(self, user_id: str, view_id: str, values: Json) -> Json:
        """Send a form off. What Slack's client refuses by itself never reaches the app."""
        user = self._workspace.person(user_id)
        view = self._view_of(user_id, view_id)
        if view.body["type"] != "modal":
            raise RefusedActError("no_form", "There is no form to send here.")
        self._workspace.views.remember(view, values)
        if wrong := complaints(view.blocks, view.values):
            return {"ok": False, "response_action": "errors", "errors": wrong}
        payload = self._payloads.submission(user, view)
        payload["trigger_id"] = self._workspace.views.new_trigger(user_id, view.id)
        ack = await self._delivery.send(self._delivery.envelope("interactive", payload))
        if not ack.is_ok:
            return _trouble(ack)
        return conclude(self._workspace.views, view, ack.body)

    async def close(self, user_id: str, view_id: str) -> Json:
        """Close the topmost form, or all when it says `clear_on_close`."""
        user = self._workspace.person(user_id)
        view = self._view_of(user_id, view_id)
        is_cleared = bool(view.body.get("clear_on_close"))
        for closed in self._workspace.views.close(user_id, everything=is_cleared):
            if closed.body.get("notify_on_close"):
                payload = self._payloads.closing(user, closed, is_cleared=is_cleared)
                await self._delivery.send(self._delivery.envelope("interactive", payload))
        return {"ok": True}

    async def home(self, user_id: str, tab: str = "home") -> Json:
        """Open the app's page; the app hears of it as an event."""
        self._workspace.person(user_id)
        self._events.home_opened(user_id, tab)
        return {"ok": True}

    def _view_of(self, user_id: str, view_id: str) -> View:
        view = self._workspace.views.find(view_id=view_id)
        if view is None or view.user != user_id:
            raise RefusedActError("view_not_found", "This form is closed.")
        stack = self._workspace.views.stack(user_id)
        if view.body["type"] == "modal" and stack[-1] is not view:
            raise RefusedActError("view_covered", "Another form lies over this one.")
        return view

    # --- text ---------------------------------------------------------------------------------

    def _typed(self, text: str) -> str:
        """What a person typed, as Slack's client sends it: entities escaped, names resolved."""
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return self._resolved(safe)

    def _typed_command(self, command: Command, text: str) -> str:
        return self._resolved(text) if command.should_escape else text

    def _resolved(self, text: str) -> str:
        users = {user.name: user.id for user in self._workspace.users.values()}
        groups = {group.handle: group.id for group in self._workspace.usergroups.values()}
        channels = {c.name: c for c in self._workspace.channels.values() if c.kind == "channel"}

        def at_name(match: re.Match[str]) -> str:
            name = match[1]
            if name in users:
                return f"<@{users[name]}>"
            return f"<!subteam^{groups[name]}>" if name in groups else match[0]

        def hash_name(match: re.Match[str]) -> str:
            channel = channels.get(match[1])
            if channel is None:
                return match[0]
            return f"<#{channel.id}|{'' if channel.is_private else channel.name}>"

        text = re.sub(r"(?<!\S)@([\w.-]+)", at_name, text)
        return re.sub(r"(?<!\S)#([\w-]+)", hash_name, text)


def _offered(message: Message, choice: Json, *, stale: bool) -> tuple[Json, Json]:
    """The message as shown and the element in it."""
    ids = str(choice.get("block_id", "")), str(choice.get("action_id", ""))
    now = message.wire(with_metadata=True)
    for shown in [now, *reversed(message.versions)] if stale else [now]:
        element = find_element(shown.get("blocks", []), *ids)
        if element is not None:
            return shown, element
    raise RefusedActError("no_such_action", "This button is no longer there.")


def _failed(error: str, message: str) -> Json:
    return {"ok": False, "error": error, "message": message}


def _trouble(ack: Ack) -> Json:
    words = {
        "operation_timeout": "The app did not answer in time. Try again.",
        "dispatch_failed": "The app could not be reached. Try again.",
    }
    return _failed(ack.error or "", words.get(ack.error or "", "That did not work. Try again."))
