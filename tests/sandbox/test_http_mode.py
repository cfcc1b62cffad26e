"""Signed HTTP deliveries: signatures, forgeries, replays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.signature import SignatureVerifier

from sandbox import RefusedActError
from sandbox.delivery import Forgery
from sandbox.seed import DANA
from sandbox.signed_http import signature

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sandbox import Player, SandboxServer
    from tests.sandbox.kit import BoltApp

Json = dict[str, Any]


def test_the_signature_of_the_documentation() -> None:
    """Slack's own example comes out as Slack prints it."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
        b".803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def served(sandbox: SandboxServer, bolt: BoltApp) -> Player:
    """A listener for /access, and the person who types it."""

    @bolt.app.command("/access")
    async def answer(ack: AsyncAck) -> None:
        await ack("here")

    return sandbox.person(DANA)


@pytest.mark.parametrize("either", ["http"], indirect=True)
async def test_bolt_and_the_sdk_accept_our_signature(
    sandbox: SandboxServer, either: BoltApp
) -> None:
    """Bolt answers, and the SDK's verifier agrees about the recorded bytes."""
    dana = await served(sandbox, either)
    assert (await dana.command("/access x"))["ok"]
    (sent,) = sandbox.traffic.deliveries("slash_commands")
    verifier = SignatureVerifier(sandbox.signing_secret)
    assert verifier.is_valid_request(sent["post"]["body"], sent["post"]["headers"])
    assert not verifier.is_valid_request(sent["post"]["body"] + " ", sent["post"]["headers"])


@pytest.mark.parametrize("either", ["http"], indirect=True)
@pytest.mark.parametrize(
    "forgery",
    [
        Forgery(headers={"X-Slack-Signature": "v0=" + "0" * 64}),
        Forgery(headers={"X-Slack-Signature": None}),
        Forgery(headers={"X-Slack-Request-Timestamp": "1"}),
        Forgery(skew=-301),
        Forgery(skew=301),
    ],
)
async def test_forged_requests_are_refused_by_bolt(
    sandbox: SandboxServer, either: BoltApp, forgery: Forgery
) -> None:
    """A wrong, missing, old or future signature reaches the app and gets its 401."""
    dana = await served(sandbox, either)
    await dana.command("/access x")
    envelope = sandbox.traffic.deliveries("slash_commands")[0]["envelope"]
    (ack,) = await sandbox.redelivery.forged(envelope, forgery=forgery)
    assert ack.error == "dispatch_failed"
    assert isinstance(ack.body, dict)
    assert ack.body["status"] == 401


@pytest.mark.parametrize("either", ["http"], indirect=True)
async def test_a_replay_is_the_very_bytes(sandbox: SandboxServer, either: BoltApp) -> None:
    """Within five minutes Bolt takes the same signed bytes again: the app must see to it."""
    dana = await served(sandbox, either)
    await dana.command("/access x")
    (sent,) = sandbox.traffic.deliveries("slash_commands")
    assert (await sandbox.redelivery.replayed(sent["n"])).is_ok
    with pytest.raises(RefusedActError, match="no delivery"):
        await sandbox.redelivery.replayed(10_000)


async def test_nobody_behind_the_request_url(sandbox: SandboxServer) -> None:
    """A refused connection fails at once."""
    sandbox.delivery.request_url = "http://127.0.0.1:9/slack/events"
    assert (await sandbox.person(DANA).command("/access x"))["error"] == "dispatch_failed"
