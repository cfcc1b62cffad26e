"""conversations.*: what a channel is, who is in it, what was said there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, TypeVar

from sandbox.call import TIER_2, TIER_3, TIER_4, method, refuse
from sandbox.methods.places import every, member_channel, visible_channel, with_scope
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.call import Call
    from sandbox.records import Channel, Message
    from sandbox.wire import Json

T = TypeVar("T")

PAGE_LIMIT = 999


@method("conversations.info", scopes=every("read"), tier=TIER_3)
def info(call: Call) -> Json:
    """What the channel is; `is_ext_shared` among it."""
    channel = with_scope(call, visible_channel(call, call.text("channel")), "read")
    facts = channel.wire(call.workspace.bot)
    if not call.flag("include_num_members"):
        facts.pop("num_members", None)
    return {"ok": True, "channel": facts}


@method("conversations.list", scopes=every("read"), tier=TIER_2)
def list_channels(call: Call) -> Json:
    """The channels of the types asked for that the app can see."""
    types = call.names("types") or ["public_channel"]
    known = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
    if any(kind not in known for kind in types):
        refuse("invalid_types")
    for kind in types:
        call.installation.demand(f"{known[kind]}:read")
    bot = call.workspace.bot
    seen = [
        channel.wire(bot)
        for channel in call.workspace.channels.values()
        if _type_of(channel) in types
        and (_type_of(channel) == "public_channel" or bot in channel.members)
        and not (call.flag("exclude_archived") and channel.is_archived)
    ]
    page, more = paged(call, seen)
    return {"ok": True, "channels": page, "response_metadata": more}


@method("conversations.members", scopes=every("read"), tier=TIER_4)
def members(call: Call) -> Json:
    """User ids, by pages."""
    channel = with_scope(call, visible_channel(call, call.text("channel")), "read")
    page, more = paged(call, channel.members)
    return {"ok": True, "members": page, "response_metadata": more}


@method("conversations.history", scopes=every("history"), tier=TIER_3)
def history(call: Call) -> Json:
    """What stands in the channel, newest first, thread replies left out."""
    channel = with_scope(call, _readable(call), "history")
    said = [*call.workspace.timeline.top_level(channel.id)][::-1]
    return _messages(call, said) | {"pin_count": 0}


@method("conversations.replies", scopes=every("history"), tier=TIER_3)
def replies(call: Call) -> Json:
    """A thread, oldest first, its parent in front."""
    channel = with_scope(call, _readable(call), "history")
    thread = call.workspace.timeline.thread(channel.id, call.text("ts"))
    if not thread:
        raise SlackError("thread_not_found")
    return _messages(call, thread)


@method("conversations.open", scopes=("channels:manage", "groups:write", "mpim:write", "im:write"))
def open_conversation(call: Call) -> Json:
    """The direct conversation with one person."""
    call.installation.demand("im:write")
    users = call.names("users")
    if call.text("channel"):
        channel = visible_channel(call, call.text("channel"))
    else:
        channel = call.workspace.dm_with(_one_person(call, users))
    if not call.flag("return_im"):
        return {"ok": True, "channel": {"id": channel.id}}
    return {"ok": True, "channel": channel.wire(call.workspace.bot)}


@method("conversations.join", scopes=("channels:join",))
def join(call: Call) -> Json:
    """Become a member of a public channel."""
    channel = visible_channel(call, call.text("channel"))
    if channel.kind == "dm" or channel.is_private:
        refuse("method_not_supported_for_channel_type")
    if channel.is_archived:
        refuse("is_archived")
    bot = call.workspace.bot
    if call.workspace.join(bot, channel):
        call.events.member_joined(bot, channel)
    return {"ok": True, "channel": channel.wire(bot)}


def paged(call: Call, everything: list[T]) -> tuple[list[T], Json]:
    """One page and the `response_metadata` that leads to the next; cursors are opaque."""
    limit = call.number("limit", 100)
    if not 1 <= limit <= PAGE_LIMIT + 1:
        refuse("invalid_limit")
    start = _start(call.text("cursor"))
    end = start + limit
    cursor = base64.b64encode(f"at:{end}".encode()).decode() if end < len(everything) else ""
    return everything[start:end], {"next_cursor": cursor}


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        name, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if name == "at":
            return int(number)
    except ValueError:
        pass
    raise SlackError("invalid_cursor")


def _type_of(channel: Channel) -> str:
    if channel.kind == "dm":
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _readable(call: Call) -> Channel:
    return member_channel(call, call.text("channel"))


def _messages(call: Call, said: list[Message]) -> Json:
    oldest, latest = call.text("oldest") or "0", call.text("latest") or "9999999999"
    is_inclusive = call.flag("inclusive")
    within = [
        message
        for message in said
        if float(oldest) < float(message.ts) < float(latest)
        or (is_inclusive and message.ts in (oldest, latest))
    ]
    page, more = paged(call, within)
    with_metadata = call.flag("include_all_metadata")
    wire = call.workspace.timeline.wire
    answer: Json = {
        "ok": True,
        "messages": [wire(message, with_metadata=with_metadata) for message in page],
        "has_more": bool(more["next_cursor"]),
    }
    return answer | {"response_metadata": more} if more["next_cursor"] else answer


def _one_person(call: Call, users: list[str]) -> str:
    if not users:
        refuse("users_list_not_supplied")
    if len(users) > 1:
        refuse("method_not_supported_for_channel_type")
    user = call.workspace.users.get(users[0])
    if user is None:
        raise SlackError("user_not_found")
    if user.deleted:
        refuse("user_disabled")
    if user.is_bot:
        refuse("cannot_dm_bot")
    if user.is_stranger:
        refuse("user_not_visible")
    return user.id
