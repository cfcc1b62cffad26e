"""What administrators do: accounts, channels and groups change, and the app hears of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from sandbox.wire import RefusedActError

if TYPE_CHECKING:
    from sandbox.events import Events
    from sandbox.records import Channel, User, Usergroup
    from sandbox.workspace import Workspace


class Administration:
    """Changes of records by their field names. An unknown field is a `RefusedActError`."""

    def __init__(self, workspace: Workspace, events: Events) -> None:
        self._workspace = workspace
        self._events = events

    def change_user(self, user_id: str, **fields: object) -> None:
        """Deactivate, rename, make a guest; deactivated people leave every group at once."""
        user = self._workspace.users[user_id]
        _set(user, fields)
        if user.deleted:
            for group in self._workspace.usergroups.values():
                if user_id in group.users:
                    members = [member for member in group.users if member != user_id]
                    self.change_usergroup(group.id, users=members)
        self._events.user_changed(user_id)
        self._workspace.feed.publish("reset", {})

    def change_usergroup(self, group_id: str, **fields: object) -> None:
        """New members, another handle, disabled."""
        group = self._workspace.usergroups[group_id]
        before = list(group.users)
        _set(group, fields)
        added = [user for user in group.users if user not in before]
        removed = [user for user in before if user not in group.users]
        if added or removed:
            self._events.group_changed(group_id, added, removed)
        self._workspace.feed.publish("reset", {})

    def change_channel(
        self,
        channel_id: str,
        *,
        deleted: bool = False,
        invite: str | None = None,
        kick: str | None = None,
        **fields: object,
    ) -> None:
        """Archive, rename, share; delete it; let someone in or throw someone out."""
        channel = self._workspace.channels[channel_id]
        was_archived = channel.is_archived
        _set(channel, fields)
        if channel.is_archived != was_archived:
            what = "archive" if channel.is_archived else "unarchive"
            self._events.channel_changed(what, channel)
        if invite and self._workspace.join(invite, channel):
            self._events.member_joined(invite, channel)
        if kick and kick in channel.members:
            self._events.member_left(kick, channel)
            channel.members.remove(kick)
        if deleted:
            self._events.channel_changed("deleted", channel)
            del self._workspace.channels[channel_id]
        self._workspace.feed.publish("reset", {})


def _set(record: User | Channel | Usergroup, fields: dict[str, object]) -> None:
    known = {field.name for field in dataclasses.fields(record)}
    for name in fields:
        if name not in known or name == "id":
            raise RefusedActError("unknown_field", f"There is no field {name} to change.")
    try:
        TypeAdapter(type(record)).validate_python(dataclasses.asdict(record) | fields)
    except ValidationError as error:
        flaw = error.errors()[0]
        message = f"{'.'.join(map(str, flaw['loc']))}: {flaw['msg']}."
        raise RefusedActError("invalid_arguments", message) from None
    for name, value in fields.items():
        setattr(record, name, value)
