"""The way to Slack's Web API, and what its failures are called.

Rules kept here: nothing is sent a second time behind our back (the SDK's own re-send of a POST is
off); every call has a time limit; `NO_PROXY` holds, which the SDK alone ignores; what is sent is
never logged, at no level, because a form may show credentials.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.config.proxy import proxy_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALL_LIMIT: Final = 10.0
"""Seconds for a whole call; people who wait for an ack get less (see `bot.slack.people`)."""

CONNECT_LIMIT: Final = 3.0
CONNECTIONS: Final = 32

WIRE_ERRORS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
"""All that a call can raise: Slack said no, said nonsense, or said nothing."""


def quiet_logger(name: str) -> logging.Logger:
    """A logger for the SDK's own words that never reaches DEBUG, where it prints what is sent."""
    logger = logging.getLogger(f"curfew.slack.{name}")
    logger.setLevel(logging.WARNING)
    return logger


@asynccontextmanager
async def open_client(token: str, api_url: str) -> AsyncIterator[AsyncWebClient]:
    """A client with its own session, closed at the end. Needs a running loop; calls nothing."""
    timeout = aiohttp.ClientTimeout(total=CALL_LIMIT, sock_connect=CONNECT_LIMIT)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=jar) as web:
        client = AsyncWebClient(
            token, base_url=api_url, session=web, retry_handlers=[], logger=quiet_logger("web")
        )
        # Set afterwards: what the constructor gets as None it replaces from the environment.
        client.proxy = proxy_for(client.base_url)
        yield client


def error_code(error: BaseException) -> str:
    """What went wrong: Slack's word (`channel_not_found`), `http_503`, `timeout`, `network`."""
    if isinstance(error, SlackApiError):
        said = error.response
        data = said if isinstance(said, dict) else getattr(said, "data", None)
        if isinstance(data, dict) and isinstance(data.get("error"), str):
            return str(data["error"])
        # Nonsense with status 200 comes as the raw answer, which calls its status otherwise.
        status = getattr(said, "status_code", None) or getattr(said, "status", None)
        return f"http_{status}" if status else "nonsense"
    return "timeout" if isinstance(error, TimeoutError) else "network"
