"""users.*, usergroups.*, conversations.*: who is who and what was said where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

from sandbox.seed import (
    APPROVALS,
    AUDIT,
    BUILDBOT,
    DANA,
    DBA,
    DORIS,
    GARY,
    GENERAL,
    MANAGER_FIELD,
    MAYA,
    OMAR,
    OTHER_TEAM,
    OUTSIDERS,
    STELLA,
)
from sandbox.workspace import SLACKBOT

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer


async def refused(call: Awaitable[object]) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_each_kind_of_account_has_its_flags(client: AsyncWebClient) -> None:
    """Member, guest, stranger, deactivated, bot and Slackbot look as Slack shows them."""

    async def user(user_id: str) -> dict[str, object]:
        found: dict[str, object] = (await client.users_info(user=user_id))["user"]
        return found

    dana = await user(DANA)
    assert (dana["is_restricted"], dana["is_bot"], dana["deleted"]) == (False, False, False)
    gary = await user(GARY)
    assert (gary["is_restricted"], gary["is_ultra_restricted"]) == (True, True)
    stella = await user(STELLA)
    assert (stella["is_stranger"], stella["team_id"]) == (True, OTHER_TEAM)
    assert "is_restricted" not in stella
    assert (await user(DORIS))["deleted"] is True
    assert (await user(BUILDBOT))["is_bot"] is True
    assert (await user(SLACKBOT))["is_bot"] is False
    assert await refused(client.users_info(user="U0NOBODY")) == "user_not_found"


async def test_addresses_need_their_scope(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """The e-mail address is in the profile only with users:read.email; a stranger's never."""
    profile = (await client.users_info(user=DANA))["user"]["profile"]
    assert profile["email"] == "dana@example.com"
    assert "email" not in (await client.users_info(user=STELLA))["user"]["profile"]
    sandbox.installation.scopes.discard("users:read.email")
    assert "email" not in (await client.users_info(user=DANA))["user"]["profile"]


async def test_lookup_by_address(client: AsyncWebClient) -> None:
    """Active members are found, whatever the case; the deactivated and unknown are not."""
    answer = await client.users_lookupByEmail(email="MAYA@example.com")
    assert answer["user"]["id"] == MAYA
    for address in ("doris@example.com", "stella@example.net", "nobody@example.com"):
        assert await refused(client.users_lookupByEmail(email=address)) == "users_not_found"


async def test_the_manager_is_a_profile_field(client: AsyncWebClient) -> None:
    """The custom field holds the manager's id; its label comes when asked for."""
    answer = await client.users_profile_get(user=DANA, include_labels=True)
    field = answer["profile"]["fields"][MANAGER_FIELD]
    assert (field["value"], field["label"]) == (MAYA, "Manager")
    fields = (await client.api_call("team.profile.get"))["profile"]["fields"]
    assert [(one["id"], one["label"]) for one in fields] == [(MANAGER_FIELD, "Manager")]


async def test_user_groups(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Groups and their members; disabled ones only when asked for."""
    answer = await client.usergroups_list(include_users=True)
    found = {group["handle"]: group["users"] for group in answer["usergroups"]}
    assert found["dba"] == [MAYA, OMAR]
    assert (await client.usergroups_users_list(usergroup=DBA))["users"] == [MAYA, OMAR]
    assert await refused(client.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"
    sandbox.admin.change_usergroup(DBA, is_disabled=True)
    assert await refused(client.usergroups_users_list(usergroup=DBA)) == "no_such_subteam"
    handles = [group["handle"] for group in (await client.usergroups_list())["usergroups"]]
    assert "dba" not in handles


async def test_the_deactivated_leave_their_groups(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """Deactivating somebody takes them out of every group."""
    sandbox.admin.change_user(MAYA, deleted=True)
    assert (await client.usergroups_users_list(usergroup=DBA))["users"] == [OMAR]


async def test_what_a_channel_is(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Public, private, shared, direct: told apart by their flags; hidden ones are not found."""

    async def info(channel: str) -> dict[str, object]:
        found: dict[str, object] = (await client.conversations_info(channel=channel))["channel"]
        return found

    assert (await info(GENERAL))["is_member"] is False
    assert (await info(AUDIT))["is_private"] is True
    assert (await info(OUTSIDERS))["is_ext_shared"] is True
    opened = await client.conversations_open(users=[DANA])
    direct = await info(opened["channel"]["id"])
    assert (direct["is_im"], direct["user"]) == (True, DANA)
    sandbox.admin.change_channel(AUDIT, kick=sandbox.workspace.bot)
    assert await refused(client.conversations_info(channel=AUDIT)) == "channel_not_found"


async def test_private_channels_need_groups_read(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """channels:read alone does not open a private channel."""
    sandbox.installation.scopes.discard("groups:read")
    assert (await client.conversations_info(channel=GENERAL))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await client.conversations_info(channel=AUDIT)
    assert caught.value.response["needed"] == "groups:read"


async def test_who_can_be_written_to(client: AsyncWebClient) -> None:
    """conversations.open says why a person cannot be reached."""
    for user, code in (
        ("U0NOBODY", "user_not_found"),
        (DORIS, "user_disabled"),
        (BUILDBOT, "cannot_dm_bot"),
        (STELLA, "user_not_visible"),
    ):
        assert await refused(client.conversations_open(users=[user])) == code
    assert await refused(client.api_call("conversations.open")) == "users_list_not_supplied"


async def test_members_come_in_pages(client: AsyncWebClient) -> None:
    """The cursor leads through all members, each once."""
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await client.conversations_members(channel=GENERAL, limit=2, cursor=cursor)
        assert len(answer["members"]) <= 2
        seen += answer["members"]
        cursor = answer["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 5


async def test_lists_by_type(client: AsyncWebClient) -> None:
    """Public channels by default; private ones that the app is in when asked for."""
    names = [channel["name"] for channel in (await client.conversations_list())["channels"]]
    assert names == ["general", "approvals", "outsiders"]
    answer = await client.conversations_list(types="private_channel")
    assert [channel["id"] for channel in answer["channels"]] == [AUDIT]
    assert await refused(client.conversations_list(types="secret")) == "invalid_types"


async def test_joining(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """The app joins public channels; private ones need somebody to invite it."""
    assert (await client.conversations_join(channel=GENERAL))["channel"]["is_member"] is True
    await client.chat_postMessage(channel=GENERAL, text="hello")
    call = client.conversations_join(channel=AUDIT)
    assert await refused(call) == "method_not_supported_for_channel_type"
    sandbox.admin.change_channel(APPROVALS, is_archived=True)
    assert await refused(client.conversations_join(channel=APPROVALS)) == "is_archived"


async def test_history(client: AsyncWebClient) -> None:
    """Newest first, by pages, within bounds; metadata only when asked for."""
    stamps = []
    for number in range(5):
        answer = await client.chat_postMessage(
            channel=AUDIT,
            text=f"line {number}",
            metadata={"event_type": "line", "event_payload": {"n": number}},
        )
        stamps.append(answer["ts"])
    page = await client.conversations_history(channel=AUDIT, limit=2)
    assert [message["text"] for message in page["messages"]] == ["line 4", "line 3"]
    assert page["has_more"] is True
    assert "metadata" not in page["messages"][0]
    rest = await client.conversations_history(
        channel=AUDIT, cursor=page["response_metadata"]["next_cursor"], include_all_metadata=True
    )
    assert [m["metadata"]["event_payload"]["n"] for m in rest["messages"]] == [2, 1, 0]
    within = {"oldest": stamps[1], "latest": stamps[3]}
    bounded = await client.conversations_history(channel=AUDIT, **within)
    assert [message["text"] for message in bounded["messages"]] == ["line 2"]
    bounded = await client.conversations_history(channel=AUDIT, inclusive=True, **within)
    assert [message["text"] for message in bounded["messages"]] == ["line 3", "line 2", "line 1"]
    assert await refused(client.conversations_history(channel=GENERAL)) == "not_in_channel"


async def test_replies(client: AsyncWebClient) -> None:
    """A thread comes oldest first with its parent; an unknown one is an error."""
    parent = (await client.chat_postMessage(channel=AUDIT, text="parent"))["ts"]
    await client.chat_postMessage(channel=AUDIT, text="reply", thread_ts=parent)
    answer = await client.conversations_replies(channel=AUDIT, ts=parent)
    assert [message["text"] for message in answer["messages"]] == ["parent", "reply"]
    history = (await client.conversations_history(channel=AUDIT))["messages"]
    assert [(m["text"], m["reply_count"]) for m in history] == [("parent", 1)]
    call = client.conversations_replies(channel=AUDIT, ts="1.000001")
    assert await refused(call) == "thread_not_found"


async def test_the_workspace_and_the_bot(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """team.info, bots.info and users.list agree with what the sandbox holds."""
    assert (await client.team_info())["team"]["domain"] == "sandbox"
    assert (await client.bots_info())["bot"]["user_id"] == sandbox.workspace.bot
    members = (await client.users_list())["members"]
    assert {member["id"] for member in members} == set(sandbox.workspace.users)
