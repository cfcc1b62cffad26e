"""The audit channel as a witness: which lines of the log it has seen, and what it saw of them.

Only what our own bot posted as a line of the audit log counts. Others can write what looks like it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain.chain import SHORT_HASH
from bot.slack.calls import EVENT_TYPE
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.verdicts import retry_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.async_slack_response import AsyncSlackResponse

PAGE: Final = 200
TRIES: Final = 5
SEAL: Final = re.compile(rf"#([0-9]{{1,18}}) ([0-9a-f]{{{SHORT_HASH}}})\s*\Z")
HASH: Final = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line as the channel shows it: its number, the beginning of its hash, when it was posted.

    `hashes` are whole hashes that its words hold, as a checkpoint's do.
    """

    seq: int
    short: str
    ts: str
    hashes: frozenset[str]


async def seen_lines(client: AsyncWebClient, channel: str) -> AsyncIterator[list[SeenLine]]:
    """Pages of the channel's history, the newest first. Raises the client's errors."""
    me = str((await client.auth_test())["user_id"])
    cursor = ""
    while True:
        page = await _page(client, channel, cursor)
        posted = page.get("messages") or []
        yield [line for one in posted if (line := _line(one, me)) is not None]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


async def _page(client: AsyncWebClient, channel: str, cursor: str) -> AsyncSlackResponse:
    """Waits as long as Slack asks, a few times."""
    for left in reversed(range(TRIES)):
        try:
            return await client.conversations_history(
                channel=channel, include_all_metadata=True, limit=PAGE, cursor=cursor or None
            )
        except WIRE_ERRORS as error:
            wait = retry_after(error)
            if wait is None or left == 0:
                raise
            await asyncio.sleep(wait)
    raise TimeoutError(error_code(TimeoutError()))


def _line(posted: Mapping[str, object], me: str) -> SeenLine | None:
    metadata = posted.get("metadata")
    if posted.get("user") != me or not isinstance(metadata, dict):
        return None
    payload = metadata.get("event_payload")
    is_line = isinstance(payload, dict) and payload.get("role") == "audit"
    text = str(posted.get("text") or "")
    found = SEAL.search(text)
    if metadata.get("event_type") != EVENT_TYPE or not is_line or found is None:
        return None
    return SeenLine(int(found[1]), found[2], str(posted.get("ts")), frozenset(HASH.findall(text)))
