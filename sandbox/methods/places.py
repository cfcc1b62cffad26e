"""Which channels the app can see, post to and read, and the scopes for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.call import refuse
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.call import Call
    from sandbox.records import Channel


def every(verb: str) -> tuple[str, ...]:
    """The scopes of which a method over conversations needs one: `read`, `history`, `write`."""
    return tuple(f"{kind}:{verb}" for kind in ("channels", "groups", "mpim", "im"))


def scope_for(channel: Channel, verb: str) -> str:
    """The scope that this very channel needs."""
    if channel.kind == "dm":
        return f"im:{verb}"
    return f"groups:{verb}" if channel.is_private else f"channels:{verb}"


def visible_channel(call: Call, channel_id: str) -> Channel:
    """A channel that the app may know of: public, or one that it is in."""
    channel = call.workspace.channels.get(channel_id)
    if channel is None:
        raise SlackError("channel_not_found")
    is_hidden = channel.is_private or channel.kind == "dm"
    if is_hidden and call.workspace.bot not in channel.members:
        raise SlackError("channel_not_found")
    return channel


def member_channel(call: Call, channel_id: str, *, public_scope: str | None = None) -> Channel:
    """A channel that the app is in; with the scope named, any public one."""
    channel = visible_channel(call, channel_id)
    if call.workspace.bot not in channel.members and (
        public_scope is None or public_scope not in call.installation.scopes
    ):
        refuse("not_in_channel")
    return channel


def with_scope(call: Call, channel: Channel, verb: str) -> Channel:
    """The channel, when the app holds the scope for its kind."""
    call.installation.demand(scope_for(channel, verb))
    return channel
