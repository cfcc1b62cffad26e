"""Deliveries as signed HTTP requests, the way Slack sends them to a request URL."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wire import Json

OK = 200


@dataclass(frozen=True, slots=True)
class SignedPost:
    """One request as it goes over the wire."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the app's server said. `body` is parsed where it called itself JSON."""

    status: int
    body: object
    may_retry: bool


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`X-Slack-Signature`, version v0."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def encode(envelope: Json) -> tuple[bytes, str]:
    """The body and its content type: commands and interactions are forms, events are JSON."""
    payload = envelope["payload"]
    form = "application/x-www-form-urlencoded"
    if envelope["type"] == "slash_commands":
        return urlencode(payload).encode(), form
    body = json.dumps(payload, ensure_ascii=False)
    if envelope["type"] == "interactive":
        return urlencode({"payload": body}).encode(), form
    return body.encode(), "application/json"


class SignedPosts:
    """Posts to one request URL. No proxy, no redirects, no cookies."""

    def __init__(self, signing_secret: str) -> None:
        self._secret = signing_secret
        self._session: aiohttp.ClientSession | None = None

    def signed(
        self, envelope: Json, *, now: float, headers: Mapping[str, str | None]
    ) -> SignedPost:
        """The signed request; `headers` win over the computed ones, None takes one away."""
        body, content_type = encode(envelope)
        timestamp = str(int(now))
        every = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._secret, timestamp, body),
            **headers,
        }
        return SignedPost(body, {k: v for k, v in every.items() if v is not None})

    async def send(self, url: str, post: SignedPost) -> HttpAnswer:
        """Post it, byte for byte."""
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.post(
            url, data=post.body, headers=post.headers, allow_redirects=False
        ) as answer:
            raw = await answer.text()
            may_retry = answer.headers.get("x-slack-no-retry") != "1"
            return HttpAnswer(answer.status, _parsed(raw, answer.content_type), may_retry)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _parsed(raw: str, content_type: str) -> object:
    if content_type != "application/json":
        return raw
    try:
        return json.loads(raw)
    except ValueError:
        return raw
