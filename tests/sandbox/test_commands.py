"""Slash commands with a real Bolt app, by Socket Mode and by signed HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox import RefusedActError, SandboxServer, text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, DORIS, GARY, MAYA, STELLA
from tests.sandbox.kit import (
    BoltApp,
    Heard,
    section,
)

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck

Json = dict[str, Any]


async def test_a_command_is_answered_in_its_ack(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """The words of the ack are whispered to who typed; the payload says who and where."""
    either.app.command("/access")(heard.by("asked, waiting"))
    dana = sandbox.person(DANA)
    answer = await dana.command("/access prod-db 30m fix <!channel> & co", channel="#approvals")
    assert answer["ok"]
    assert answer["response"]["ephemeral"]
    assert text_of(dana.sees("#approvals")[-1]) == "asked, waiting"
    assert sandbox.person(MAYA).sees("#approvals") == []
    (body,) = heard
    assert body["text"] == "prod-db 30m fix <!channel> & co"
    assert (body["user_id"], body["channel_id"]) == (DANA, APPROVALS)
    assert body["channel_name"] == "approvals"
    assert body["is_enterprise_install"] == "false"


async def test_an_ack_can_speak_to_the_channel(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """`in_channel` posts for everybody, blocks included."""
    either.app.command("/access")(
        heard.by(response_type="in_channel", text="all", blocks=[section("see")])
    )
    await sandbox.person(DANA).command("/access x", channel="#general")
    assert text_of(sandbox.person(MAYA).sees("#general")[-1]) == "all\nsee"


async def test_an_empty_ack_shows_nothing(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """Acknowledged without words: fine, and nothing appears."""
    either.app.command("/access")(heard.by())
    dana = sandbox.person(DANA)
    assert await dana.command("/access") == {"ok": True}
    assert dana.dms() == []
    assert heard[0]["channel_name"] == "directmessage"
    assert heard[0]["text"] == ""


async def test_an_ack_with_wrong_blocks_is_an_error(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """What Slack could not show fails visibly."""
    either.app.command("/access")(heard.by(text="x", blocks=[section("y" * 3001)]))
    answer = await sandbox.person(DANA).command("/access x")
    assert (answer["ok"], answer["error"]) == (False, "invalid_blocks")
    assert sandbox.person(DANA).dms() == []


@pytest.mark.usefixtures("either")
async def test_an_app_that_does_not_know_the_command(sandbox: SandboxServer) -> None:
    """No listener: nobody acknowledges (Socket Mode) or the app says 404 (HTTP)."""
    sandbox.delivery.ack_limit = 0.3
    answer = await sandbox.person(DANA).command("/access x")
    expected = "dispatch_failed" if sandbox.delivery.request_url else "operation_timeout"
    assert (answer["ok"], answer["error"]) == (False, expected)


async def test_a_command_that_is_acknowledged_too_late(
    sandbox: SandboxServer, either: BoltApp
) -> None:
    """After three seconds of the sandbox's clock the person is told, whatever comes later."""

    @either.app.command("/access")
    async def slow(ack: AsyncAck) -> None:
        sandbox.advance(3.1)
        await ack("too late")

    answer = await sandbox.person(DANA).command("/access x")
    assert answer["error"] == "operation_timeout"
    assert sandbox.person(DANA).dms() == []


async def test_who_can_use_a_command(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """Guests can where they are members; strangers and the deactivated cannot at all."""
    either.app.command("/access")(heard.by())
    assert (await sandbox.person(GARY).command("/access x", channel="#outsiders"))["ok"]
    with pytest.raises(RefusedActError, match="no channel"):
        await sandbox.person(GARY).command("/access x", channel="#approvals")
    stranger = await sandbox.person(STELLA).command("/access x", channel="#outsiders")
    assert stranger["error"] == "restricted_action"
    with pytest.raises(RefusedActError, match="cannot sign in"):
        await sandbox.person(DORIS).command("/access x", channel="#general")
    assert (await sandbox.person(DANA).command("/nothing"))["error"] == "unknown_command"
    assert len(heard) == 1


async def test_mentions_become_entities_only_with_should_escape(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """`should_escape` of the manifest turns names into entities, and nothing else does."""
    either.app.command("/access")(heard.by())
    either.app.command("/escape")(heard.by())
    dana = sandbox.person(DANA)
    await dana.command("/access @maya #general #audit")
    await dana.command("/escape @maya #general #audit @nobody")
    assert heard[0]["text"] == "@maya #general #audit"
    assert heard[1]["text"] == f"<@{MAYA}> <#C0GENERAL|general> <#{AUDIT}|> @nobody"
