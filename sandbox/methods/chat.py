"""chat.*: saying, changing and taking back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.call import TIER_2, TIER_3, TIER_4, UNTIERED, method, refuse
from sandbox.methods.places import member_channel, visible_channel
from sandbox.records import Message
from sandbox.validation import blocks_or_error, metadata_or_error
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.call import Call
    from sandbox.records import Channel
    from sandbox.wire import Json

POST_TEXT, UPDATE_TEXT = 40_000, 4_000
_LONE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")


@method("chat.postMessage", scopes=("chat:write",), tier=UNTIERED)
def post_message(call: Call) -> Json:
    """Say something in a channel, or to a person by their user id."""
    channel = _destination(call)
    text, blocks = _content(call, limit=None)
    metadata = metadata_or_error(call.object("metadata"))
    thread_ts = _thread(call, channel)
    workspace = call.workspace
    message = workspace.timeline.add(
        Message(
            ts=workspace.timeline.next_ts(),
            channel=channel.id,
            user=workspace.bot,
            text=text,
            blocks=blocks,
            bot_id=call.installation.bot_id,
            app_id=call.installation.app_id,
            team_id=workspace.team_id,
            username=_username(call),
            thread_ts=thread_ts,
            metadata=metadata,
            is_broadcast=bool(thread_ts) and call.flag("reply_broadcast"),
        )
    )
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": _shown(call, message)}


@method("chat.postEphemeral", scopes=("chat:write",), tier=TIER_4)
def post_ephemeral(call: Call) -> Json:
    """Whisper to one person in a channel; nothing guarantees that they see it."""
    channel = _destination(call, by_user_id=False)
    text, blocks = _content(call, limit=None)
    workspace = call.workspace
    user = workspace.users.get(call.text("user"))
    if user is None or user.deleted or user.id not in channel.members:
        refuse("user_not_in_channel")
    message = workspace.timeline.add(
        Message(
            ts=workspace.timeline.next_ts(),
            channel=channel.id,
            user=workspace.bot,
            text=text,
            blocks=blocks,
            bot_id=call.installation.bot_id,
            app_id=call.installation.app_id,
            team_id=workspace.team_id,
            username=_username(call),
            thread_ts=_thread(call, channel),
            ephemeral_to=user.id,
        )
    )
    return {"ok": True, "message_ts": message.ts}


@method("chat.update", scopes=("chat:write",), tier=TIER_3)
def update(call: Call) -> Json:
    """Change one of the app's own messages. Text without blocks takes the blocks away."""
    channel = visible_channel(call, call.text("channel"))
    message = _own(call, channel, "cant_update_message")
    text, blocks = _content(call, limit=UPDATE_TEXT)
    if not call.has("text"):
        text = message.text
    metadata = message.metadata
    if call.has("metadata"):
        metadata = metadata_or_error(call.object("metadata"))
    timeline = call.workspace.timeline
    if not blocks:
        message.edited = timeline.next_ts()
    timeline.change(message, text=text, blocks=blocks, metadata=metadata)
    shown = _shown(call, message)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": text, "message": shown}


@method("chat.delete", scopes=("chat:write",), tier=TIER_3)
def delete(call: Call) -> Json:
    """Take one of the app's own messages back."""
    channel = visible_channel(call, call.text("channel"))
    message = _own(call, channel, "cant_delete_message")
    call.workspace.timeline.remove(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", tier=UNTIERED)
def get_permalink(call: Call) -> Json:
    """The address of a message."""
    channel = visible_channel(call, call.text("channel"))
    message = call.workspace.timeline.find(channel.id, call.text("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    path = f"archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        path += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": f"{call.base_url}/{path}"}


@method("blocks.validate", tier=TIER_2)
def validate(call: Call) -> Json:
    """Whether these blocks would be taken."""
    blocks_or_error(call.object("blocks"))
    return {"ok": True}


def _destination(call: Call, *, by_user_id: bool = True) -> Channel:
    name = call.text("channel")
    if not name:
        refuse("channel_not_found")
    if name.startswith(("U", "W")):
        if not by_user_id:
            refuse("channel_not_found")
        channel = _conversation_with(call, name)
    else:
        channel = member_channel(call, _by_name(call, name), public_scope="chat:write.public")
    if channel.is_archived:
        refuse("is_archived")
    if channel.kind == "dm":
        _check_dm(call, channel)
    if channel.is_read_only:
        refuse("restricted_action")
    return channel


def _conversation_with(call: Call, user_id: str) -> Channel:
    user = call.workspace.users.get(user_id)
    if user is None or user.is_bot or user.deleted or user.is_stranger:
        raise SlackError("channel_not_found")
    return call.workspace.dm_with(user_id)


def _check_dm(call: Call, channel: Channel) -> None:
    if not call.installation.manifest.home.messages_tab_enabled:
        refuse("messages_tab_disabled")
    if any(user.deleted for user in call.workspace.people(channel.members)):
        refuse("is_inactive")


def _by_name(call: Call, name: str) -> str:
    if not name.startswith("#"):
        return name
    found = (c.id for c in call.workspace.channels.values() if c.name == name[1:])
    return next(found, name)


def _content(call: Call, *, limit: int | None) -> tuple[str, list[Json]]:
    text = call.text("text")
    given = call.object("blocks")
    blocks = blocks_or_error(given) if given not in (None, "", []) else []
    if call.has("markdown_text") and not (text or blocks):
        blocks = blocks_or_error([{"type": "markdown", "text": call.text("markdown_text")}])
    if not (text or blocks):
        refuse("no_text")
    if limit is not None and len(text) > limit:
        refuse("msg_too_long")
    return escaped(text[:POST_TEXT]), blocks


def escaped(text: str) -> str:
    """Text as Slack keeps it: an ampersand that starts no entity becomes one."""
    return _LONE_AMPERSAND.sub("&amp;", text)


def _thread(call: Call, channel: Channel) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    parent = call.workspace.timeline.find(channel.id, thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts


def _username(call: Call) -> str | None:
    if not call.text("username"):
        return None
    call.installation.demand("chat:write.customize")
    return call.text("username")


def _own(call: Call, channel: Channel, code: str) -> Message:
    message = call.workspace.timeline.find(channel.id, call.text("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != call.workspace.bot:
        raise SlackError(code)
    if channel.is_archived:
        raise SlackError("is_inactive")
    return message


def _shown(call: Call, message: Message) -> Json:
    shown = call.workspace.timeline.wire(message, with_metadata=True)
    return shown | {"bot_profile": call.installation.profile()}
