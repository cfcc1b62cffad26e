"""What a workspace holds.

These records change in place: the sandbox is one process, and there is one of each; readers get
copies in wire form.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from sandbox.wire import Json

ChannelKind = Literal["channel", "dm"]


@dataclass(slots=True)
class User:
    """One account. `fields` are custom profile fields: field id to value."""

    id: str
    name: str
    real_name: str
    team_id: str
    title: str = ""
    email: str | None = None
    color: str = "#4a6fa5"
    role_hint: str = ""
    tz: str = "UTC"
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def is_guest(self) -> bool:
        return self.is_restricted or self.is_ultra_restricted

    def profile(self, *, with_email: bool) -> Json:
        """The `profile` object; the address only where the app may read it."""
        profile: Json = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "title": self.title,
            "avatar_hash": self.color.strip("#"),
            "status_text": "",
            "status_emoji": "",
            "team": self.team_id,
        }
        if with_email and self.email and not self.is_stranger:
            profile["email"] = self.email
        return profile

    def wire(self, *, with_email: bool) -> Json:
        """As `users.info` shows it. Data of other workspaces' people is thinner."""
        user: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": self.profile(with_email=with_email),
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1700000000,
        }
        if self.deleted:
            return user
        user |= {"real_name": self.real_name, "color": self.color.strip("#"), "tz": self.tz}
        user |= {"tz_label": self.tz, "tz_offset": _offset(self.tz)}
        if self.is_stranger:
            return user | {"is_stranger": True}
        return user | {
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": self.is_ultra_restricted,
        }

    def for_page(self) -> Json:
        """As the page shows a person."""
        return {
            "id": self.id,
            "name": self.name,
            "real_name": self.real_name,
            "title": self.title,
            "email": self.email,
            "avatar": {"letter": self.real_name[:1].upper() or "?", "color": self.color},
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_stranger": self.is_stranger,
            "team_id": self.team_id,
            "tz": self.tz,
            "role_hint": self.role_hint,
        }


@dataclass(slots=True)
class Channel:
    """A channel or a direct conversation with the app (`kind` "dm", id `D…`)."""

    id: str
    name: str
    topic: str = ""
    kind: ChannelKind = "channel"
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_read_only: bool = False
    created: int = 1700000000
    members: list[str] = field(default_factory=list)

    def wire(self, bot: str) -> Json:
        """As `conversations.info` shows it to the app whose user is `bot`."""
        if self.kind == "dm":
            person = next(member for member in self.members if member != bot)
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "is_org_shared": False,
                "is_archived": self.is_archived,
                "user": person,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "created": self.created,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "is_shared": self.is_ext_shared,
            "is_org_shared": False,
            "is_ext_shared": self.is_ext_shared,
            "is_member": bot in self.members,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }

    def for_page(self) -> Json:
        """As the page lists it."""
        return {
            "id": self.id,
            "name": self.name,
            "topic": self.topic,
            "is_private": self.is_private,
            "members": list(self.members),
        }


@dataclass(slots=True)
class Usergroup:
    """A user group (`S…`); `handle` without the at sign."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    is_disabled: bool = False

    def wire(self, team_id: str, *, with_users: bool) -> Json:
        """As `usergroups.list` shows it."""
        group: Json = {
            "id": self.id,
            "team_id": team_id,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.name,
            "handle": self.handle,
            "description": "",
            "date_delete": 1700000000 if self.is_disabled else 0,
            "user_count": len(self.users),
        }
        return group | {"users": list(self.users)} if with_users else group


@dataclass(slots=True)
class Message:
    """One message. `versions` are its former wire forms, oldest first: what a slow client shows."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    bot_id: str | None = None
    app_id: str | None = None
    team_id: str = ""
    username: str | None = None
    thread_ts: str | None = None
    metadata: Json | None = None
    ephemeral_to: str | None = None
    edited: str | None = None
    is_broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)

    def wire(self, *, with_metadata: bool = False) -> Json:
        """As `conversations.history` and interaction payloads show it."""
        message: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        message["team"] = self.team_id
        if self.bot_id:
            message |= {"bot_id": self.bot_id, "app_id": self.app_id}
        if self.username:
            message["username"] = self.username
        if self.blocks:
            message["blocks"] = copy.deepcopy(self.blocks)
        if self.thread_ts:
            message["thread_ts"] = self.thread_ts
        if self.is_broadcast:
            message["subtype"] = "thread_broadcast"
        if self.edited:
            message["edited"] = {"user": self.user, "ts": self.edited}
        if self.reactions:
            message["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in self.reactions.items()
            ]
        if with_metadata and self.metadata:
            message["metadata"] = copy.deepcopy(self.metadata)
        return message

    def for_page(self) -> Json:
        """As the page and the test driver see it."""
        message = self.wire(with_metadata=True)
        message["blocks"] = copy.deepcopy(self.blocks)
        return message | {"channel": self.channel, "ephemeral": self.ephemeral_to is not None}


def _offset(zone: str) -> int:
    offset = datetime.now(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0
