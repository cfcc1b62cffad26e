"""The state of a workspace: who is there, which channels and groups, what each person has read.

Plain state, synchronous, no sockets. Messages are in `timeline`, modals and Home tabs in `views`.
Everything that changes is told to `feed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.clock import Clock
from sandbox.feed import Feed
from sandbox.records import Channel, User, Usergroup
from sandbox.timeline import Timeline
from sandbox.views import Views
from sandbox.wire import RefusedActError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SLACKBOT = "USLACKBOT"
TEAM_ID = "T0SANDBOX"
BOT_USER = "U0APPBOT"
"""The app's user in every workspace, so that a seed can make it a member of channels."""


class Workspace:
    """One workspace with at most one app in it.

    `seed` fills it, at once and after every reset. A user id outside of it raises KeyError.
    """

    def __init__(
        self,
        seed: Callable[[Workspace], None] | None = None,
        *,
        team_id: str = TEAM_ID,
        name: str = "Sandbox workspace",
        domain: str = "sandbox",
    ) -> None:
        self.team_id = team_id
        self.name = name
        self.domain = domain
        self.notes: list[str] = []
        self.clock = Clock()
        self.feed = Feed()
        self.timeline = Timeline(self)
        self.views = Views(self)
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, Usergroup] = {}
        self._read: dict[tuple[str, str], str] = {}
        self._app_user: User | None = None
        self._seed = seed
        self._fill()

    # --- life ---------------------------------------------------------------------------------

    def reset(self) -> None:
        """Back to the seed: no messages, no views, nobody else. The app stays installed."""
        for table in (self.users, self.channels, self.usergroups, self._read):
            table.clear()
        self.timeline.clear()
        self.views.clear()
        self._fill()
        self.feed.publish("reset", {})

    def install(self, user: User) -> None:
        """Make `user` the app's bot user; it joins what the seed made it a member of."""
        self._app_user = user
        self.users[user.id] = user

    @property
    def bot(self) -> str:
        """The id of the app's user."""
        if self._app_user is None:
            raise RefusedActError("no_app", "No app is installed in this workspace.")
        return self._app_user.id

    def _fill(self) -> None:
        self.add_user(User(SLACKBOT, "slackbot", "Slackbot", self.team_id))
        if self._app_user:
            self.users[self._app_user.id] = self._app_user
        if self._seed:
            self._seed(self)

    # --- who and where ------------------------------------------------------------------------

    def add_user(self, user: User) -> User:
        """Add or replace a person."""
        self.users[user.id] = user
        return user

    def add_channel(self, channel: Channel) -> Channel:
        """Add or replace a channel."""
        self.channels[channel.id] = channel
        return channel

    def add_usergroup(self, group: Usergroup) -> Usergroup:
        """Add or replace a user group."""
        self.usergroups[group.id] = group
        return group

    def person(self, user_id: str) -> User:
        """The account of someone who can act: known, no bot, not deactivated."""
        user = self.users.get(user_id)
        if user is None:
            raise RefusedActError("user_not_found", f"Nobody here has the id {user_id}.")
        if user.deleted or user.is_bot:
            raise RefusedActError("user_cannot_act", f"{user.real_name} cannot sign in.")
        return user

    def dm_with(self, user_id: str) -> Channel:
        """The direct conversation of this person with the app; made when it is not there."""
        channel_id = "D" + user_id[1:]
        if channel_id not in self.channels:
            members = [user_id, self.bot]
            self.add_channel(Channel(channel_id, "directmessage", kind="dm", members=members))
        return self.channels[channel_id]

    def join(self, user_id: str, channel: Channel) -> bool:
        """Make someone a member; False when they were one already."""
        if user_id in channel.members:
            return False
        channel.members.append(user_id)
        self.feed.publish("inbox", {"channel": channel.id}, channel.members)
        return True

    def sees(self, user_id: str, channel: Channel) -> bool:
        """Members see a channel; full members of the workspace see public ones too."""
        if user_id in channel.members:
            return True
        user = self.users[user_id]
        is_ours = not (user.is_guest or user.is_stranger)
        return is_ours and channel.kind == "channel" and not channel.is_private

    def channel_for(self, user_id: str, channel_id: str) -> Channel:
        """A channel that this person can open."""
        channel = self.channels.get(channel_id)
        if channel is None or not self.sees(user_id, channel):
            raise RefusedActError("channel_not_found", f"There is no channel {channel_id} here.")
        return channel

    def channels_of(self, user_id: str) -> list[Channel]:
        """What stands in this person's sidebar, the conversation with the app last.

        People of other workspaces have no conversation with our apps.
        """
        if self._app_user and not self.users[user_id].is_stranger:
            self.dm_with(user_id)
        mine = [channel for channel in self.channels.values() if user_id in channel.members]
        return sorted(mine, key=lambda channel: channel.kind == "dm")

    # --- reading ------------------------------------------------------------------------------

    def mark_read(self, user_id: str, channel_id: str, ts: str) -> None:
        """Everything in the channel up to `ts` was seen by this person."""
        key = (user_id, channel_id)
        self._read[key] = max(ts, self._read.get(key, ""))
        self.feed.publish("inbox", {"channel": channel_id}, [user_id])

    def unread(self, user_id: str, channel_id: str) -> int:
        """Messages by others that this person has not seen, thread replies left out."""
        seen = self._read.get((user_id, channel_id), "")
        return sum(
            message.ts > seen and message.user != user_id
            for message in self.timeline.top_level(channel_id)
        )

    def people(self, ids: Iterable[str]) -> list[User]:
        """The accounts of these ids that exist."""
        return [self.users[user_id] for user_id in ids if user_id in self.users]
