"""chat.* through the real SDK client: what is posted, changed, refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

from sandbox import RefusedActError
from sandbox.records import Message
from sandbox.seed import (
    APPROVALS,
    AUDIT,
    BUILDBOT,
    DANA,
    DORIS,
    GENERAL,
    MAYA,
    OUTSIDERS,
    STELLA,
)
from tests.sandbox.kit import actions, section

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer


async def refused(call: Awaitable[object]) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_post_is_seen_by_the_members(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """What the app posts stands in the channel, with ids filled in and the app's name on it."""
    answer = await client.chat_postMessage(
        channel=APPROVALS, text="Dana asks", blocks=[section("Dana asks"), actions()]
    )
    message = answer["message"]
    assert message["bot_profile"]["name"] == "Tester"
    assert all(block["block_id"] for block in message["blocks"])
    (seen,) = sandbox.person(MAYA).sees("#approvals")
    assert (seen["ts"], seen["text"], seen["ephemeral"]) == (answer["ts"], "Dana asks", False)


async def test_a_user_id_opens_the_conversation(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """Posting to U… answers with the D… id, which is what an update needs."""
    answer = await client.chat_postMessage(channel=DANA, text="Granted")
    assert answer["channel"] == "D0DANA"
    assert [message["text"] for message in sandbox.person(DANA).dms()] == ["Granted"]
    assert sandbox.person(MAYA).dms() == []
    ts = answer["ts"]
    assert await refused(client.chat_update(channel=DANA, ts=ts, text="x")) == "channel_not_found"
    await client.chat_update(channel="D0DANA", ts=ts, text="Ended")
    assert [message["text"] for message in sandbox.person(DANA).dms()] == ["Ended"]


async def test_where_the_app_may_not_post(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Each place that Slack refuses is refused with Slack's code."""

    async def code(channel: str) -> str:
        return await refused(client.chat_postMessage(channel=channel, text="x"))

    assert await code("C0NOWHERE") == "channel_not_found"
    assert await code(GENERAL) == "not_in_channel"
    assert await code(DORIS) == "channel_not_found"
    assert await code(BUILDBOT) == "channel_not_found"
    assert await code(STELLA) == "channel_not_found"
    sandbox.admin.change_channel(OUTSIDERS, is_read_only=True)
    assert await code(OUTSIDERS) == "restricted_action"
    sandbox.admin.change_channel(APPROVALS, is_archived=True)
    assert await code(APPROVALS) == "is_archived"
    sandbox.admin.change_channel(AUDIT, kick=sandbox.workspace.bot)
    assert await code(AUDIT) == "channel_not_found"
    await client.chat_postMessage(channel=DANA, text="while active")
    sandbox.admin.change_user(DANA, deleted=True)
    assert await code("D0DANA") == "is_inactive"


async def test_public_channels_need_membership_or_the_scope(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """`chat:write.public` lets the app post to public channels that it is not in."""
    sandbox.installation.scopes.add("chat:write.public")
    assert (await client.chat_postMessage(channel=GENERAL, text="x"))["ok"]
    assert (await client.chat_postMessage(channel="#general", text="x"))["channel"] == GENERAL


async def test_text_is_cut_kept_and_escaped(client: AsyncWebClient) -> None:
    """40,000 characters are kept of a post; a lone ampersand becomes an entity."""
    answer = await client.chat_postMessage(channel=APPROVALS, text="x" * 40_001)
    assert len(answer["message"]["text"]) == 40_000
    answer = await client.chat_postMessage(channel=APPROVALS, text="a & b &lt;c&gt; &amp;")
    assert answer["message"]["text"] == "a &amp; b &lt;c&gt; &amp;"


async def test_blocks_that_slack_would_refuse(client: AsyncWebClient) -> None:
    """invalid_blocks carries the pointers; nothing to say is no_text."""
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=APPROVALS, text="x", blocks=[section("y" * 3001)])
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    (complaint,) = answer["response_metadata"]["messages"]
    assert complaint.endswith("less than 3001 characters [json-pointer:/blocks/0/text/text]")
    many, empty = [{"type": "divider"}] * 51, {"channel": APPROVALS, "text": ""}
    code = await refused(client.chat_postMessage(channel=APPROVALS, text="x", blocks=many))
    assert code == "invalid_blocks"
    assert await refused(client.api_call("chat.postMessage", json=empty)) == "no_text"


async def test_text_alone_takes_the_buttons_away(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """An update with text and no blocks removes the blocks and says that it was edited."""
    ts = (
        await client.chat_postMessage(
            channel=APPROVALS,
            text="card",
            blocks=[actions()],
            metadata={"event_type": "curfew", "event_payload": {"id": "n1"}},
        )
    )["ts"]
    await client.chat_update(channel=APPROVALS, ts=ts, text="card", blocks=[section("decided")])
    (card,) = sandbox.person(MAYA).sees(APPROVALS)
    assert "edited" not in card
    assert card["metadata"]["event_payload"] == {"id": "n1"}
    await client.chat_update(channel=APPROVALS, ts=ts, text="decided", metadata={})
    (card,) = sandbox.person(MAYA).sees(APPROVALS)
    assert card["blocks"] == []
    assert "metadata" not in card
    assert card["edited"]["user"] == sandbox.workspace.bot


async def test_updates_that_slack_refuses(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Unknown, foreign, ephemeral and too long: each with its code."""

    async def code(ts: str, text: str = "x") -> str:
        return await refused(client.chat_update(channel=APPROVALS, ts=ts, text=text))

    said = await sandbox.person(MAYA).say("mine", channel="#approvals")
    whispered = await client.chat_postEphemeral(channel=APPROVALS, user=DANA, text="psst")
    posted = await client.chat_postMessage(channel=APPROVALS, text="x")
    assert await code("1.000001") == "message_not_found"
    assert await code(said["message"]["ts"]) == "cant_update_message"
    assert await code(whispered["message_ts"]) == "message_not_found"
    assert await code(posted["ts"], "x" * 4001) == "msg_too_long"
    assert await refused(client.chat_delete(channel=APPROVALS, ts="1.000001"))
    await client.chat_delete(channel=APPROVALS, ts=posted["ts"])
    assert await code(posted["ts"]) == "message_not_found"


async def test_only_the_person_sees_an_ephemeral_message(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """It is for one member of the channel; history does not know it."""
    await client.chat_postEphemeral(channel=APPROVALS, user=DANA, text="not you")
    assert [message["ephemeral"] for message in sandbox.person(DANA).sees(APPROVALS)] == [True]
    assert sandbox.person(MAYA).sees(APPROVALS) == []
    assert (await client.conversations_history(channel=APPROVALS))["messages"] == []
    for absent in (STELLA, DORIS, "U0NOBODY"):
        call = client.chat_postEphemeral(channel=APPROVALS, user=absent, text="x")
        assert await refused(call) == "user_not_in_channel"


async def test_threads(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Replies hang under their parent; broadcast ones stand in the channel too."""
    parent = (await client.chat_postMessage(channel=APPROVALS, text="card"))["ts"]
    reply = await client.chat_postMessage(channel=APPROVALS, text="r1", thread_ts=parent)
    await client.chat_postMessage(
        channel=APPROVALS, text="r2", thread_ts=reply["ts"], reply_broadcast=True
    )
    maya = sandbox.person(MAYA)
    assert [message["text"] for message in maya.sees(APPROVALS)] == ["card", "r2"]
    assert maya.sees(APPROVALS)[0]["reply_count"] == 2
    assert [m["text"] for m in maya.sees(APPROVALS, thread=parent)] == ["card", "r1", "r2"]
    call = client.chat_postMessage(channel=APPROVALS, text="x", thread_ts="1.000001")
    assert await refused(call) == "thread_not_found"
    link = await client.chat_getPermalink(channel=APPROVALS, message_ts=reply["ts"])
    assert f"thread_ts={parent}" in link["permalink"]


async def test_metadata_has_its_form(client: AsyncWebClient) -> None:
    """Metadata without a payload object is refused."""
    wrong = {"event_type": "x", "event_payload": "text"}
    call = client.chat_postMessage(channel=APPROVALS, text="x", metadata=wrong)
    assert await refused(call) == "invalid_metadata_format"


async def test_another_name_needs_its_scope(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """`username` is shown with chat:write.customize and refused without."""
    answer = await client.chat_postMessage(channel=APPROVALS, text="x", username="Night watch")
    assert answer["message"]["username"] == "Night watch"
    sandbox.installation.scopes.discard("chat:write.customize")
    call = client.chat_postMessage(channel=APPROVALS, text="x", username="Night watch")
    assert await refused(call) == "missing_scope"


async def test_a_closed_messages_tab(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Without the Messages tab in the manifest nobody can be written to."""
    manifest = sandbox.installation.manifest
    closed = manifest.home.model_copy(update={"messages_tab_enabled": False})
    sandbox.installation.manifest = replace(manifest, home=closed)
    call = client.chat_postMessage(channel=DANA, text="x")
    assert await refused(call) == "messages_tab_disabled"
    with pytest.raises(RefusedActError, match="is off"):
        await sandbox.person(DANA).say("x")


async def test_reactions_and_validation(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """An emoji is put once; blocks.validate answers without posting."""
    ts = (await client.chat_postMessage(channel=APPROVALS, text="x"))["ts"]
    await client.reactions_add(channel=APPROVALS, timestamp=ts, name="eyes")
    call = client.reactions_add(channel=APPROVALS, timestamp=ts, name="eyes")
    assert await refused(call) == "already_reacted"
    (seen,) = sandbox.person(MAYA).sees(APPROVALS)
    assert seen["reactions"] == [{"name": "eyes", "users": [sandbox.workspace.bot], "count": 1}]
    assert (await client.api_call("blocks.validate", json={"blocks": [section()]}))["ok"]
    call = client.api_call("blocks.validate", json={"blocks": [section("")]})
    assert await refused(call) == "invalid_blocks"


def test_timestamps_always_rise(sandbox: SandboxServer) -> None:
    """Two messages never have the same timestamp, however fast they come."""
    timeline = sandbox.workspace.timeline
    stamps = [timeline.next_ts() for _ in range(1000)]
    assert sorted(set(stamps)) == stamps
    message = Message(stamps[0], GENERAL, DANA, "x")
    assert timeline.add(message).ts == stamps[0]
