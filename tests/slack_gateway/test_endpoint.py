"""What is not signed by Slack is 401 before it is read; what cannot be read is 400; never 500."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.slack.endpoint import BODY_LIMIT, Endpoint, read_body
from tests.slack_gateway.floor import floor, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.storage.database import Database

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_531_420_618
BODY = b"command=%2Faccess&user_id=U1&text=help"


@dataclass
class Inside:
    """What came through, as the gateway would get it."""

    came: list[dict[str, object]] = field(default_factory=list)

    async def dispatch(
        self, body: dict[str, object], *, headers: Mapping[str, str]
    ) -> BoltResponse:
        del headers
        self.came.append(body)
        return BoltResponse(status=200, body={"text": "fine"})


@dataclass
class Door:
    """The endpoint on a real server."""

    url: str
    inside: Inside

    async def knock(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session:
            answer = await session.post(self.url, data=body, headers=headers)
            return answer.status, await answer.text()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """A server whose clock stands still."""
    inside = Inside()
    async with AsyncExitStack() as stack:
        endpoint = Endpoint(SECRET, inside.dispatch, now=lambda: NOW)
        yield Door(await serve(stack, endpoint), inside)


def signed(
    body: bytes, *, at: object = NOW, secret: str = SECRET, version: str = "v0"
) -> dict[str, str]:
    base = f"v0:{at}:".encode() + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": str(at),
        "X-Slack-Signature": f"{version}={digest}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


async def test_signed_by_slack(door: Door) -> None:
    """What the SDK's own verifier holds for genuine gets in."""
    headers = signed(BODY)

    assert (
        SignatureVerifier(SECRET).generate_signature(timestamp=str(NOW), body=BODY)
        == headers["X-Slack-Signature"]
    )
    assert await door.knock(BODY, headers) == (200, '{"text": "fine"}')
    assert door.inside.came == [{"command": "/access", "user_id": "U1", "text": "help"}]


FORGED: dict[str, dict[str, str | None]] = {
    "no signature": {"X-Slack-Signature": None},
    "no timestamp": {"X-Slack-Request-Timestamp": None},
    "empty signature": {"X-Slack-Signature": ""},
    "empty timestamp": {"X-Slack-Request-Timestamp": ""},
    "another secret": signed(BODY, secret="of somebody else"),
    "another body": signed(BODY + b"&x=1"),
    "another version": signed(BODY, version="v1"),
    "five minutes and a second old": signed(BODY, at=NOW - 301),
    "as far ahead": signed(BODY, at=NOW + 301),
    "the time of another signature": {"X-Slack-Request-Timestamp": str(NOW + 1)},
    "no number": signed(BODY, at="yesterday"),
    "a number of another kind": signed(BODY, at=f"{NOW}.5"),
    "a negative number": signed(BODY, at=-NOW),
    "a huge number": signed(BODY, at="9" * 400),
    "digits of another script": signed(BODY, at="١٥٣١٤٢٠٦١٨"),
    "signature beyond ASCII": {"X-Slack-Signature": "v0=" + "é" * 64},
    "signature in capitals": {"X-Slack-Signature": signed(BODY)["X-Slack-Signature"].upper()},
    "signature too short": {"X-Slack-Signature": signed(BODY)["X-Slack-Signature"][:-1]},
    "signature too long": {"X-Slack-Signature": signed(BODY)["X-Slack-Signature"] + "0"},
    "digest alone": {"X-Slack-Signature": signed(BODY)["X-Slack-Signature"][3:]},
}


@pytest.mark.parametrize("name", FORGED)
async def test_forged(door: Door, name: str) -> None:
    """401, without a word, and nothing gets in."""
    changed = {**signed(BODY), **FORGED[name]}
    headers = {key: value for key, value in changed.items() if value is not None}

    assert await door.knock(BODY, headers) == (401, "")
    assert door.inside.came == []


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_said_twice(door: Door, name: str) -> None:
    """Two signatures or two times are none: nobody knows which one a proxy before us looked at."""
    headers = [*signed(BODY).items(), (name, signed(BODY)[name])]
    async with aiohttp.ClientSession() as session:
        answer = await session.post(door.url, data=BODY, headers=headers)

        assert answer.status == 401


@pytest.mark.parametrize("offset", [-300, 300, 0])
async def test_five_minutes_are_fine(door: Door, offset: int) -> None:
    """Slack's clock and ours may differ by as much."""
    assert (await door.knock(BODY, signed(BODY, at=NOW + offset)))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"nothing=of&any=use",
        b"payload=",
        b"payload=%7B",
        b"payload=[1]",
        b"payload=null",
        b"\xff\xfe\x00",
        b"{" * 100_000,
        b'{"a":' * 50_000,
        "&".join(f"a{i}=1" for i in range(1_000)).encode(),
        json.dumps({"a": "x"}).encode("utf-16"),
    ],
)
async def test_unreadable(door: Door, body: bytes) -> None:
    """A signed body that is nothing that Slack sends is 400."""
    assert await door.knock(body, signed(body)) == (400, "")
    assert door.inside.came == []


async def test_too_large(door: Door) -> None:
    """More than a mebibyte is not read to its end, whether its length is announced or not."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 2**16

    async with aiohttp.ClientSession() as session:
        told = {**signed(BODY), "Content-Length": str(BODY_LIMIT + 1)}
        announced = await session.post(door.url, data=pieces(), headers=told)
        silent = await session.post(door.url, data=pieces(), headers=signed(BODY))

        assert (announced.status, silent.status) == (413, 413)


def test_an_empty_secret_is_refused() -> None:
    """A secret that everybody knows signs nothing."""
    with pytest.raises(ValueError, match="empty"):
        Endpoint("", Inside().dispatch)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_not(raw: bytes) -> None:
    """No bytes raise."""
    read = read_body(raw)

    assert read is None or isinstance(read, dict)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text(), max_size=4))
def test_json_is_read_in_both_forms(payload: dict[str, object]) -> None:
    """As it is, and in a form's `payload`."""
    text = json.dumps(payload)

    assert read_body(text.encode()) == payload
    assert read_body(urlencode({"payload": text}).encode()) == payload


WHOLE = {
    "block_actions": {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "actions": [{"action_id": "approve", "value": "x", "type": "button", "block_id": "b"}],
        "container": {"type": "message"},
    },
    "view_submission": {
        "type": "view_submission",
        "user": {"id": "U1", "team_id": "T1"},
        "view": {"id": "V1", "type": "modal", "callback_id": "deny_form", "state": {"values": {}}},
    },
    "view_closed": {
        "type": "view_closed",
        "user": {"id": "U1"},
        "view": {"id": "V1", "callback_id": "x", "type": "modal"},
    },
    "event_callback": {
        "type": "event_callback",
        "team_id": "T1",
        "event": {"type": "app_home_opened", "user": "U1", "tab": "home"},
    },
    "command": {"command": "/access", "user_id": "U1", "team_id": "T1", "text": "help"},
}


async def test_odd_payloads_never_break_us(database: Database) -> None:
    """Whatever is left out or replaced in a signed payload, the answer is 200 or 400."""
    async with floor(database) as here:
        seen: Counter[int] = Counter()
        for payload in WHOLE.values():
            for odd in variants(payload):
                said = await here.gateway.dispatch(odd, headers={})
                seen[said.status] += 1

        assert set(seen) == {200, 400}
        assert seen[200] > 10


def variants(payload: dict[str, object]) -> list[dict[str, object]]:
    """The payload as it is, without each key, and with nonsense in its place."""
    found = [payload]
    for key in payload:
        found.append({name: value for name, value in payload.items() if name != key})
        found += [{**payload, key: odd} for odd in (None, 7, "x", [], {}, [[]], {"id": 7})]
    return found


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "shortcut", "callback_id": "x", "user": {"id": "U1"}},
        {"type": "message_action", "callback_id": "x", "user": {"id": "U1"}},
        {"type": "block_suggestion", "action_id": "x", "block_id": "y", "value": "z"},
        {"type": "event_callback", "event": {"type": "tokens_revoked"}},
        {"type": "event_callback", "event": {"type": "message", "channel_type": "im"}},
        {"type": "view_closed", "view": {"callback_id": "x", "id": "V"}, "user": {"id": "U1"}},
        {"command": "/other", "user_id": "U1"},
        {"type": "app_rate_limited", "team_id": "T1"},
        {"type": "something_of_next_year"},
        WHOLE["block_actions"]
        | {"actions": [{"action_id": "a_link", "type": "button", "block_id": "b"}]},
    ],
)
async def test_what_nobody_listens_to_is_acknowledged(
    database: Database, payload: dict[str, object]
) -> None:
    """Slack would send it again, or show a warning sign beside the button."""
    async with floor(database) as here:
        said = await here.gateway.dispatch(payload, headers={})

        assert (said.status, said.body) == (200, "")


async def test_the_url_is_verified(database: Database) -> None:
    """Slack's challenge is answered, signed as everything else."""
    async with floor(database) as here:
        asked = {"type": "url_verification", "challenge": "abc", "token": "x"}
        said = await here.gateway.dispatch(asked, headers={})

        assert (said.status, json.loads(said.body)) == (200, {"challenge": "abc"})
