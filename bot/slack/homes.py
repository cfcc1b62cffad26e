"""Home tabs, kept up to date while somebody may be looking at them.

Slack does not say when a tab is closed: whoever opened theirs within the last hour is shown what
changed, at most once a second each. What is not told this way is told at the next opening.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import structlog

from bot.slack.client import WIRE_ERRORS, error_code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from slack_sdk.models.views import View
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.domain.grant import Grant
    from bot.engine.tasks import Tasks

log = structlog.get_logger("curfew.slack")

LOOKING: Final = 3_600.0
"""Seconds after opening during which a tab is kept up to date."""

ROOM: Final = 100
"""Tabs that are kept up to date, the latest opened ones."""

PAUSE: Final = 1.0
"""Seconds between two looks of one person's tab."""


class Homes:
    """`draw` makes a person's tab from the rows; a refused person's tab says why."""

    def __init__(
        self,
        client: AsyncWebClient,
        tasks: Tasks,
        draw: Callable[[str], Awaitable[View]],
        *,
        pause: float = PAUSE,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Calls nothing yet."""
        self._client = client
        self._tasks = tasks
        self._draw = draw
        self._pause = pause
        self._now = now
        self._opened: OrderedDict[str, float] = OrderedDict()
        self._stale: set[str] = set()
        self._busy: set[str] = set()

    async def opened(self, user: str) -> None:
        """Show it, and keep it up to date from now on."""
        self._opened[user] = self._now()
        self._opened.move_to_end(user)
        while len(self._opened) > ROOM:
            self._opened.popitem(last=False)
        self._refresh(user)

    def changed(self, grants: Sequence[Grant]) -> None:
        """Grants were changed: whoever may see one of them on an open tab is shown. Never blocks.

        Anybody may be an approver of any of them; looking is cheap, and nobody looks for long.
        """
        if not grants:
            return
        oldest = self._now() - LOOKING
        for user in [user for user, at in self._opened.items() if at < oldest]:
            del self._opened[user]
        for user in self._opened:
            self._refresh(user)

    def _refresh(self, user: str) -> None:
        self._stale.add(user)
        if user not in self._busy:
            self._busy.add(user)
            self._tasks.start(self._keep_showing(user), "show a Home tab")

    async def _keep_showing(self, user: str) -> None:
        try:
            while user in self._stale:
                self._stale.discard(user)
                await self._show(user)
                await asyncio.sleep(self._pause)
        finally:
            self._busy.discard(user)

    async def _show(self, user: str) -> None:
        try:
            await self._client.views_publish(user_id=user, view=await self._draw(user))
        except WIRE_ERRORS as error:
            # The next change or the next opening shows it.
            log.info("Home tab not shown", error=error_code(error))
