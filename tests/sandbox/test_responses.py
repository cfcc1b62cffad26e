"""Response URLs: what can be said through them, how often, how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox import Fault, FaultKind
from sandbox.seed import APPROVALS, DANA, GENERAL, MAYA
from tests.sandbox.kit import actions, section

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer


def link(sandbox: SandboxServer, channel: str = GENERAL) -> AsyncWebhookClient:
    made = sandbox.responses.new(DANA, channel)
    return AsyncWebhookClient(sandbox.responses.url(made))


async def test_answers_are_private_unless_they_say_otherwise(sandbox: SandboxServer) -> None:
    """Ephemeral by default, for all in the channel with `in_channel`, member or not."""
    hook = link(sandbox)
    assert (await hook.send(text="you alone")).body == "ok"
    await hook.send(text="everybody", response_type="in_channel")
    assert [m["text"] for m in sandbox.person(DANA).sees(GENERAL)] == ["you alone", "everybody"]
    assert [m["text"] for m in sandbox.person(MAYA).sees(GENERAL)] == ["everybody"]


async def test_five_uses(sandbox: SandboxServer) -> None:
    """The sixth is refused."""
    hook = link(sandbox)
    assert [(await hook.send(text="x")).status_code for _ in range(6)] == [200] * 5 + [404]
    assert '"used_url"' in (await hook.send(text="x")).body
    assert len(sandbox.person(DANA).sees(GENERAL)) == 5


async def test_thirty_minutes(sandbox: SandboxServer) -> None:
    """Half an hour later it is refused; an invented one always."""
    hook = link(sandbox)
    sandbox.advance(29 * 60)
    assert (await hook.send(text="x")).status_code == 200
    sandbox.advance(61)
    answer = await hook.send(text="x")
    assert (answer.status_code, '"expired_url"' in answer.body) == (404, True)
    assert (
        await AsyncWebhookClient(f"{sandbox.url}/response/guess").send(text="x")
    ).status_code == 404


async def test_replacing_and_deleting_what_was_clicked(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """`replace_original` changes what was clicked, ephemeral or not; `delete_original` ends it."""
    posted = await client.chat_postMessage(channel=APPROVALS, text="card", blocks=[actions()])
    whispered = await client.chat_postEphemeral(
        channel=APPROVALS, user=DANA, text="sure?", blocks=[actions()]
    )
    for ts in (posted["ts"], whispered["message_ts"]):
        message = sandbox.workspace.timeline.find_for(DANA, APPROVALS, ts)
        made = sandbox.responses.new(DANA, APPROVALS, message=message)
        hook = AsyncWebhookClient(sandbox.responses.url(made))
        await hook.send(text="done", replace_original=True)
        changed = sandbox.workspace.timeline.find_for(DANA, APPROVALS, ts)
        assert changed is not None
        assert (changed.text, changed.blocks) == ("done", [])
        await hook.send(delete_original=True)
        assert sandbox.workspace.timeline.find_for(DANA, APPROVALS, ts) is None
        answer = await hook.send(delete_original=True)
        assert '"message_not_found"' in answer.body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ""}, "no_text"),
        ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"delete_original": True}, "message_not_found"),
    ],
)
async def test_what_cannot_be_said(
    sandbox: SandboxServer, body: dict[str, object], code: str
) -> None:
    """Nothing to say, blocks over the limits, nothing to delete."""
    answer = await link(sandbox).send_dict(body)
    assert f'"{code}"' in answer.body


async def test_a_deleted_channel(sandbox: SandboxServer) -> None:
    """An answer into a channel that is gone is an error, not a crash."""
    hook = link(sandbox)
    sandbox.admin.change_channel(GENERAL, deleted=True)
    assert '"channel_not_found"' in (await hook.send(text="x")).body


async def test_faults_on_response_urls(sandbox: SandboxServer) -> None:
    """They can fail like methods do, before or after the message was shown."""
    sandbox.faults.add(Fault("response_url", FaultKind.STATUS, status=503))
    sandbox.faults.add(Fault("response_url", FaultKind.RATELIMITED, retry_after=7))
    hook = link(sandbox)
    assert (await hook.send(text="x")).status_code == 503
    assert (await hook.send(text="x")).headers["Retry-After"] == "7"
    assert (await hook.send(text="x")).status_code == 200
    assert len(sandbox.person(DANA).sees(GENERAL)) == 1
