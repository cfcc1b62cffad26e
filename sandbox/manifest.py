"""An app's manifest, as far as the sandbox obeys it: scopes, commands, events, tabs, delivery.

Scope and event names are checked against lists of their own, because Slack's published schema does
not look at them. Source: Slack's reference of scopes and events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

SCOPES = frozenset(
    [
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "channels:manage",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "chat:write.public",
        "commands",
        "emoji:read",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "groups:write",
        "im:history",
        "im:read",
        "im:write",
        "links:read",
        "links:write",
        "metadata.message:read",
        "mpim:history",
        "mpim:read",
        "mpim:write",
        "pins:read",
        "pins:write",
        "reactions:read",
        "reactions:write",
        "reminders:read",
        "reminders:write",
        "team:read",
        "usergroups:read",
        "usergroups:write",
        "users.profile:read",
        "users:read",
        "users:read.email",
        "users:write",
    ]
)

EVENTS: dict[str, frozenset[str]] = {
    "app_home_opened": frozenset(),
    "app_mention": frozenset({"app_mentions:read"}),
    "app_uninstalled": frozenset(),
    "channel_archive": frozenset({"channels:read"}),
    "channel_deleted": frozenset({"channels:read"}),
    "channel_id_changed": frozenset({"channels:read"}),
    "channel_left": frozenset({"channels:read"}),
    "channel_rename": frozenset({"channels:read"}),
    "channel_unarchive": frozenset({"channels:read"}),
    "group_archive": frozenset({"groups:read"}),
    "group_deleted": frozenset({"groups:read"}),
    "group_left": frozenset({"groups:read"}),
    "group_unarchive": frozenset({"groups:read"}),
    "member_joined_channel": frozenset({"channels:read", "groups:read"}),
    "member_left_channel": frozenset({"channels:read", "groups:read"}),
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
    "subteam_members_changed": frozenset({"usergroups:read"}),
    "subteam_updated": frozenset({"usergroups:read"}),
    "team_join": frozenset({"users:read"}),
    "tokens_revoked": frozenset(),
    "user_change": frozenset({"users:read"}),
}
"""Bot events that the sandbox can send, with the scopes of which one is needed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Command(_Part):
    """One slash command."""

    command: str = Field(pattern=r"^/\S+$", max_length=32)
    description: str = Field(max_length=2000)
    usage_hint: str = Field(default="", max_length=1000)
    url: str | None = None
    should_escape: bool = False


class AppHome(_Part):
    """Which tabs of the app's page are on."""

    home_tab_enabled: bool = False
    messages_tab_enabled: bool = False
    messages_tab_read_only_enabled: bool = False


class _BotUser(_Part):
    display_name: str = Field(max_length=80)


class _Features(_Part):
    app_home: AppHome = AppHome()
    bot_user: _BotUser | None = None
    slash_commands: tuple[Command, ...] = Field(default=(), max_length=50)


class _Scopes(_Part):
    bot: tuple[str, ...] = ()


class _OauthConfig(_Part):
    scopes: _Scopes = _Scopes()


class _EventSubscriptions(_Part):
    request_url: str | None = None
    bot_events: tuple[str, ...] = ()


class _Interactivity(_Part):
    is_enabled: bool = False
    request_url: str | None = None


class _Settings(_Part):
    event_subscriptions: _EventSubscriptions = _EventSubscriptions()
    interactivity: _Interactivity = _Interactivity()
    socket_mode_enabled: bool = False


class _Display(_Part):
    name: str = Field(max_length=35)


class _Document(_Part):
    display_information: _Display
    features: _Features = _Features()
    oauth_config: _OauthConfig = _OauthConfig()
    settings: _Settings = _Settings()


class ManifestError(ValueError):
    """The manifest cannot be used; the message names every problem, a line each."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an app may do and wants to hear."""

    name: str
    bot_name: str
    scopes: frozenset[str]
    commands: tuple[Command, ...]
    events: frozenset[str]
    home: AppHome
    is_interactive: bool

    def command(self, name: str) -> Command | None:
        """The command of that name, with its slash."""
        return next((command for command in self.commands if command.command == name), None)

    def hears(self, event: str) -> bool:
        """True when the app asked for this event and has a scope that lets it through."""
        needed = EVENTS[event]
        return event in self.events and (not needed or bool(needed & self.scopes))


def parse_manifest(data: object) -> Manifest:
    """The manifest from parsed YAML or JSON; ManifestError lists all that is wrong."""
    try:
        document = _Document.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ManifestError("\n".join(lines)) from None
    scopes = document.oauth_config.scopes.bot
    events = document.settings.event_subscriptions.bot_events
    problems = [f"unknown scope {scope}" for scope in scopes if scope not in SCOPES]
    problems += [f"unknown event {event}" for event in events if event not in EVENTS]
    if document.features.slash_commands and "commands" not in scopes:
        problems.append("slash commands need the scope commands")
    if problems:
        raise ManifestError("\n".join(problems))
    bot_user = document.features.bot_user
    name = document.display_information.name
    return Manifest(
        name=name,
        bot_name=bot_user.display_name if bot_user else name,
        scopes=frozenset(scopes),
        commands=document.features.slash_commands,
        events=frozenset(events),
        home=document.features.app_home,
        is_interactive=document.settings.interactivity.is_enabled,
    )


def read_manifest(path: Path) -> Manifest:
    """The manifest in a YAML or JSON file."""
    return parse_manifest(yaml.safe_load(path.read_text(encoding="utf-8")))


EXAMPLE = {
    "display_information": {"name": "Curfew"},
    "features": {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": "curfew", "always_online": True},
        "slash_commands": [
            {
                "command": "/access",
                "description": "Ask for temporary access",
                "usage_hint": "prod-db 30m reason",
            }
        ],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "channels:history",
                "channels:read",
                "chat:write",
                "commands",
                "groups:history",
                "groups:read",
                "im:history",
                "im:write",
                "usergroups:read",
                "users.profile:read",
                "users:read",
                "users:read.email",
            ]
        }
    },
    "settings": {
        "event_subscriptions": {"bot_events": ["app_home_opened", "message.im"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}
"""What the bare sandbox installs when no manifest is given."""
