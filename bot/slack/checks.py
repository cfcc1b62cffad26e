"""Whether the workspace is as Curfew needs it: asked at the start, by `doctor` and for `/readyz`.

Changes nothing. Everything that is wrong is found at once, with what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.principal import PrincipalKind
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.people import NO_GROUPS, UNKNOWN_USER, names_manager
from bot.slack.workspace import who_am_i

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.domain.policy import Policy
    from bot.slack.workspace import Identity

TOKEN_HINTS: Final = {
    "invalid_auth": "Copy the bot token (xoxb-…) anew from OAuth & Permissions.",
    "not_authed": "Set SLACK_BOT_TOKEN to the bot token (xoxb-…) from OAuth & Permissions.",
    "token_revoked": "Install the app to the workspace again and copy the new bot token.",
    "account_inactive": "Install the app to the workspace again and copy the new bot token.",
    "token_expired": "Switch token rotation off for the app and copy the bot token anew.",
    "not_allowed_token_type": "SLACK_BOT_TOKEN is the bot token, which begins with xoxb-.",
}
AWAY_HINT: Final = "See that this machine reaches Slack (HTTPS_PROXY, SLACK_API_URL), then retry."
SCOPE_HINT: Final = "Add it under OAuth & Permissions (manifest.yml has them all) and reinstall."
INVITE_HINT: Final = "Invite the bot there: /invite @curfew."

REQUIRED: Final = frozenset(
    {"channels:read", "chat:write", "commands", "groups:read", "users:read", "users:read.email"}
)
GROUPS_SCOPE: Final = "usergroups:read"
MANAGER_SCOPE: Final = "users.profile:read"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `code` is stable; `fatal` means that Curfew cannot do its work."""

    code: str
    message: str
    hint: str
    fatal: bool = True


async def check_workspace(client: AsyncWebClient, policy: Policy) -> list[Finding]:
    """All that is wrong; empty when all is well. Raises nothing for what Slack says or not."""
    try:
        own = await who_am_i(client)
    except WIRE_ERRORS as error:
        return [_no_token(error_code(error))]
    found = list(_scopes(own, policy))
    for channel in _channels(policy):
        found += await _channel(client, channel)
    found += await _groups(client, policy)
    for user in _users(policy):
        found += await _user(client, user)
    return found


def _no_token(code: str) -> Finding:
    if code in TOKEN_HINTS:
        return Finding("token", f"Slack does not accept the bot token: {code}.", TOKEN_HINTS[code])
    return Finding("away", f"Slack does not answer: {code}.", AWAY_HINT)


def _scopes(own: Identity, policy: Policy) -> Iterator[Finding]:
    needed = set(REQUIRED)
    if policy.user_groups():
        needed.add(GROUPS_SCOPE)
    if names_manager(policy):
        needed.add(MANAGER_SCOPE)
    # Behind some proxies the header is lost; then the calls below tell.
    for scope in sorted(needed - own.scopes) if own.scopes else ():
        yield Finding("scope", f"The scope {scope} is missing.", SCOPE_HINT)


def _channels(policy: Policy) -> list[str]:
    own = (resource.channel for resource in policy.resources.values())
    named = [policy.channels.approvals, policy.channels.audit, *(one for one in own if one)]
    return list(dict.fromkeys(named))


async def _channel(client: AsyncWebClient, channel: str) -> list[Finding]:
    try:
        info = (await client.conversations_info(channel=channel))["channel"]
    except WIRE_ERRORS as error:
        code = error_code(error)
        if code == "missing_scope":
            return []  # told by its name already
        if code in {"channel_not_found", "invalid_channel"}:
            message = f"The channel {channel} is not there, or it is private and the bot not in it."
            return [Finding("channel", message, f"Correct the policy, or {_lower(INVITE_HINT)}")]
        return [Finding("channel", f"The channel {channel} cannot be seen: {code}.", AWAY_HINT)]
    name = f"#{info.get('name') or channel} ({channel})"
    if info.get("is_archived"):
        return [Finding("channel", f"{name} is archived.", "Unarchive it, or name another.")]
    found = []
    if not info.get("is_member"):
        found.append(Finding("channel", f"The bot is not in {name}.", INVITE_HINT))
    if info.get("is_ext_shared"):
        message = f"{name} is shared with another organisation, which sees what stands there."
        found.append(Finding("shared", message, "Name a channel of your own.", fatal=False))
    return found


async def _groups(client: AsyncWebClient, policy: Policy) -> list[Finding]:
    named = policy.user_groups()
    if not named:
        return []
    try:
        listed = (await client.usergroups_list())["usergroups"]
    except WIRE_ERRORS as error:
        code = error_code(error)
        if code in NO_GROUPS:
            message = "The policy names user groups, which this workspace's plan does not have."
            return [Finding("group", message, "Name people under groups: instead.")]
        if code == "missing_scope":
            return []
        return [Finding("group", f"User groups cannot be seen: {code}.", AWAY_HINT)]
    there = {str(group["id"]) for group in listed}
    there |= {f"@{str(group.get('handle') or '').casefold()}" for group in listed}
    return [
        Finding("group", f"There is no user group {name}.", "Correct the policy, or enable it.")
        for name in sorted(named - there)
    ]


def _users(policy: Policy) -> list[str]:
    words = [*policy.admins]
    for resource in policy.resources.values():
        words += [*resource.requesters, *resource.approvers]
    kinds = {PrincipalKind.USER, PrincipalKind.EMAIL}
    return list(dict.fromkeys(word.value for word in words if word.kind in kinds))


async def _user(client: AsyncWebClient, user: str) -> list[Finding]:
    try:
        if "@" in user:
            await client.users_lookupByEmail(email=user)
        elif (await client.users_info(user=user))["user"].get("deleted"):
            message = f"{user} in the policy is deactivated."
            return [Finding("person", message, "Correct the policy.", fatal=False)]
    except WIRE_ERRORS as error:
        if error_code(error) in UNKNOWN_USER:
            message = f"There is nobody called {user} in the workspace."
            return [Finding("person", message, "Correct the policy.", fatal=False)]
    return []


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
