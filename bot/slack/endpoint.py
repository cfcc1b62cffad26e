"""`POST /slack/events`: what Slack sends over HTTP, checked byte by byte before anything is read.

Answers: 401 for whatever is not signed by Slack within the last five minutes; 400 for a signed body
that cannot be read; 413 and 408 for one that is too large or too slow; never 500.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qsl

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from slack_bolt import BoltResponse

BODY_LIMIT: Final = 2**20
BODY_WITHIN: Final = 5.0
"""Seconds for the whole body: Slack sends a few kilobytes at once."""

OLDEST: Final = 300
"""Seconds between signing and arrival, either way. Source: Slack's verification of requests."""

TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
SIGNATURE: Final = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
RETRY_HEADERS: Final = ("x-slack-retry-num", "x-slack-retry-reason")
FIELDS: Final = 100
"""Fields of a form; a command has fifteen."""

Body = dict[str, object]


class Dispatch(Protocol):
    """The gateway's way in."""

    async def __call__(self, body: Body, *, headers: Mapping[str, str]) -> BoltResponse: ...


class Endpoint:
    """Serves one route. Any number of requests at once."""

    def __init__(
        self, signing_secret: str, dispatch: Dispatch, *, now: Callable[[], float] = time.time
    ) -> None:
        """`now` is in seconds since 1970. ValueError for an empty secret, which signs anything."""
        if not signing_secret:
            raise ValueError("the signing secret is empty")
        self._key = signing_secret.encode()
        self._dispatch = dispatch
        self._now = now

    async def handle(self, request: web.Request) -> web.Response:
        """The answer for Slack; what was wrong with a forged request is nobody's business."""
        try:
            async with asyncio.timeout(BODY_WITHIN):
                raw = await _read(request)
        except TimeoutError:
            return web.Response(status=408)
        if raw is None:
            return web.Response(status=413)
        if not self._signed(request, raw):
            return web.Response(status=401)
        body = read_body(raw)
        if body is None:
            return web.Response(status=400)
        headers = {name: request.headers[name] for name in RETRY_HEADERS if name in request.headers}
        return _answer(await self._dispatch(body, headers=headers))

    def _signed(self, request: web.Request, raw: bytes) -> bool:
        timestamps = request.headers.getall("X-Slack-Request-Timestamp", [])
        signatures = request.headers.getall("X-Slack-Signature", [])
        if len(timestamps) != 1 or len(signatures) != 1:
            return False
        timestamp, signature = timestamps[0], signatures[0]
        if not (TIMESTAMP.fullmatch(timestamp) and SIGNATURE.fullmatch(signature)):
            return False
        base = b"v0:" + timestamp.encode() + b":" + raw
        expected = "v0=" + hmac.new(self._key, base, hashlib.sha256).hexdigest()
        # Compared before the age is looked at, so that both kinds of no take the same time.
        genuine = hmac.compare_digest(expected, signature)
        return genuine and abs(self._now() - int(timestamp)) <= OLDEST


def read_body(raw: bytes) -> Body | None:
    """What a signed body says: JSON, a form with JSON in `payload`, or a form; None for neither."""
    try:
        text = raw.decode()
        if text.startswith("{"):
            return _object(text)
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS))
        if "payload" in fields:
            return _object(fields["payload"])
    except (ValueError, RecursionError):
        return None
    return dict(fields) if "command" in fields else None


def _object(text: str) -> Body | None:
    found = json.loads(text)
    return found if isinstance(found, dict) else None


async def _read(request: web.Request) -> bytes | None:
    """The body as it came; None when it is too large."""
    if (request.content_length or 0) > BODY_LIMIT:
        return None
    pieces = bytearray()
    async for piece in request.content.iter_chunked(2**16):
        pieces += piece
        if len(pieces) > BODY_LIMIT:
            return None
    return bytes(pieces)


def _answer(said: BoltResponse) -> web.Response:
    kind = said.first_headers().get("content-type", "text/plain").partition(";")[0]
    return web.Response(status=said.status, text=said.body or "", content_type=kind)
