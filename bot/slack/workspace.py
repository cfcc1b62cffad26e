"""The one workspace that Curfew is installed in, as `auth.test` tells it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.engine.ports import DirectoryError
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.looks import LIMIT

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are. `scopes` is empty when Slack did not say which the token holds."""

    team_id: str
    user_id: str
    bot_id: str = ""
    enterprise_id: str | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)


class Workspace:
    """Asked once; an installation does not change under a running bot."""

    def __init__(self, client: AsyncWebClient) -> None:
        """Calls nothing."""
        self._client = client
        self._lock = asyncio.Lock()
        self.known: Identity | None = None

    async def identity(self) -> Identity:
        """Raises `DirectoryError` as long as Slack has not said who we are."""
        if self.known is None:
            async with self._lock:
                # Whoever waited for the lock finds what the first one learned.
                return self.known or await self._ask()
        return self.known

    async def _ask(self) -> Identity:
        try:
            async with asyncio.timeout(LIMIT):
                self.known = await who_am_i(self._client)
        except WIRE_ERRORS as error:
            raise DirectoryError(f"auth.test: {error_code(error)}") from None
        return self.known


async def who_am_i(client: AsyncWebClient) -> Identity:
    """What the token is. Raises the client's errors."""
    said = await client.auth_test()
    listed = said.headers.get("x-oauth-scopes", "") if said.headers else ""
    return Identity(
        team_id=str(said["team_id"]),
        user_id=str(said["user_id"]),
        bot_id=str(said.get("bot_id") or ""),
        enterprise_id=said.get("enterprise_id"),
        scopes=frozenset(scope.strip() for scope in listed.split(",") if scope.strip()),
    )
