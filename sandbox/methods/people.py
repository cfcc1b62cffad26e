"""users.*, usergroups.* and what an app can ask about its workspace and itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.call import TIER_2, TIER_4, UNTIERED, method, refuse
from sandbox.methods.conversations import paged
from sandbox.seed import PROFILE_FIELDS
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.call import Call
    from sandbox.records import User
    from sandbox.wire import Json


@method("auth.test", tier=UNTIERED)
def auth_test(call: Call) -> Json:
    """Who the token belongs to."""
    workspace = call.workspace
    return {
        "ok": True,
        "url": f"{call.base_url}/",
        "team": workspace.name,
        "user": workspace.users[workspace.bot].name,
        "team_id": workspace.team_id,
        "user_id": workspace.bot,
        "bot_id": call.installation.bot_id,
        "is_enterprise_install": False,
    }


@method("api.test", tier=UNTIERED, is_open=True)
def api_test(call: Call) -> Json:
    """Whatever was sent, or the error that was asked for."""
    if call.text("error"):
        raise SlackError(call.text("error"))
    args = {key: value for key, value in call.args.items() if key != "token"}
    return {"ok": True, "args": args}


@method("team.info", scopes=("team:read",))
def team_info(call: Call) -> Json:
    """The workspace."""
    workspace = call.workspace
    team = {"id": workspace.team_id, "name": workspace.name, "domain": workspace.domain}
    return {"ok": True, "team": team}


@method("bots.info", scopes=("users:read",))
def bots_info(call: Call) -> Json:
    """The app's own bot."""
    if call.text("bot") not in ("", call.installation.bot_id):
        refuse("bot_not_found")
    return {"ok": True, "bot": call.installation.profile()}


@method("users.info", scopes=("users:read",), tier=TIER_4)
def users_info(call: Call) -> Json:
    """One account; the e-mail address only with its scope."""
    return {"ok": True, "user": _shown(call, _user(call))}


@method("users.list", scopes=("users:read",), tier=TIER_2)
def users_list(call: Call) -> Json:
    """All accounts of the workspace and the strangers in its channels."""
    page, more = paged(call, list(call.workspace.users.values()))
    members = [_shown(call, user) for user in page]
    return {"ok": True, "members": members, "response_metadata": more}


@method("users.lookupByEmail", scopes=("users:read.email",))
def users_lookup_by_email(call: Call) -> Json:
    """The active account with this address."""
    address = call.text("email").casefold()
    for user in call.workspace.users.values():
        is_known = not (user.deleted or user.is_stranger or user.is_bot)
        if is_known and user.email and user.email.casefold() == address:
            return {"ok": True, "user": _shown(call, user)}
    raise SlackError("users_not_found")


@method("users.profile.get", scopes=("users.profile:read",), tier=TIER_4)
def users_profile_get(call: Call) -> Json:
    """The profile with its custom fields; labels when asked for."""
    user = _user(call)
    profile = user.profile(with_email=_may_see_addresses(call))
    has_labels = call.flag("include_labels")
    profile["fields"] = {
        key: {"value": value, "alt": ""}
        | ({"label": PROFILE_FIELDS.get(key)} if has_labels else {})
        for key, value in user.fields.items()
    }
    return {"ok": True, "profile": profile}


@method("team.profile.get", scopes=("users.profile:read",))
def team_profile_get(call: Call) -> Json:
    """The custom profile fields of the workspace."""
    del call
    fields = [
        {"id": key, "ordering": index, "label": label, "hint": "", "type": "user"}
        for index, (key, label) in enumerate(PROFILE_FIELDS.items())
    ]
    return {"ok": True, "profile": {"fields": fields, "sections": []}}


@method("usergroups.list", scopes=("usergroups:read",), tier=TIER_2)
def usergroups_list(call: Call) -> Json:
    """All groups, disabled ones only when asked for."""
    with_users = call.flag("include_users")
    groups = [
        group.wire(call.workspace.team_id, with_users=with_users)
        for group in call.workspace.usergroups.values()
        if call.flag("include_disabled") or not group.is_disabled
    ]
    return {"ok": True, "usergroups": groups}


@method("usergroups.users.list", scopes=("usergroups:read",), tier=TIER_2)
def usergroups_users_list(call: Call) -> Json:
    """The user ids of one group."""
    group = call.workspace.usergroups.get(call.text("usergroup"))
    if group is None or (group.is_disabled and not call.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": list(group.users)}


@method("reactions.add", scopes=("reactions:write",))
def reactions_add(call: Call) -> Json:
    """Put an emoji on a message."""
    message = call.workspace.timeline.find(call.text("channel"), call.text("timestamp"))
    if message is None:
        raise SlackError("message_not_found")
    users = message.reactions.setdefault(call.text("name"), [])
    if call.workspace.bot in users:
        refuse("already_reacted")
    users.append(call.workspace.bot)
    call.workspace.timeline.touch(message)
    return {"ok": True}


def _user(call: Call) -> User:
    user = call.workspace.users.get(call.text("user"))
    if user is None:
        raise SlackError("user_not_found")
    return user


def _may_see_addresses(call: Call) -> bool:
    return "users:read.email" in call.installation.scopes


def _shown(call: Call, user: User) -> Json:
    return user.wire(with_email=_may_see_addresses(call))
