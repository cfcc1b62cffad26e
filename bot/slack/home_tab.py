"""Showing people their Home tab: when they open it, and again when something of theirs changes.

Who looked lately is kept in this process only: a page that is not brought up to date is made anew
when it is opened. One round at a time, at most one in `PAUSE`, and nothing that shows the same.
"""

import asyncio
import json
from collections import OrderedDict
from typing import Final

import structlog
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import RefusalError
from bot.domain.grant import Grant
from bot.engine.ports import Meter
from bot.engine.reading import Reading
from bot.engine.restoring import Standing
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.home import HomeFacts, away_home, render_home
from bot.slack.story import Story
from bot.slack.words import Words
from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.slack")

VIEWERS: Final = 50
"""Whose pages are kept up to date: those who looked last."""
PAUSE: Final = 2.0


class HomeTab:
    """`show` is for the gateway, `changed` for the engine's commits."""

    def __init__(
        self, client: AsyncWebClient, reading: Reading, words: Words, meter: Meter
    ) -> None:
        """Publishes nothing by itself."""
        self._client = client
        self._reading = reading
        self._words = words
        self._meter = meter
        self._shown: OrderedDict[str, str] = OrderedDict()
        """The latest page of each viewer, as it was sent."""
        self._round: asyncio.Task[None] | None = None
        self._is_stale = False

    async def show(self, user: str) -> None:
        """Publish this person's page; they count as a viewer from now on."""
        self._shown.pop(user, None)
        self._shown[user] = ""
        while len(self._shown) > VIEWERS:
            self._shown.popitem(last=False)
        await self._publish(user)

    def changed(self, grants: tuple[Grant, ...]) -> None:
        """Something was committed: viewers see it soon. Does not block; needs a running loop."""
        if not grants or not self._shown:
            return
        self._is_stale = True
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._renew(), name="home tabs")

    async def close(self) -> None:
        """No more pages."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    async def _renew(self) -> None:
        while self._is_stale:
            self._is_stale = False
            for user in list(self._shown):
                await self._publish(user)
            await asyncio.sleep(PAUSE)

    async def _publish(self, user: str) -> None:
        """An edge: a page that cannot be shown is logged, and made anew when it is opened."""
        view = await self._make(user)
        page = json.dumps(view.to_dict(), sort_keys=True)
        if self._shown.get(user) == page:
            return
        try:
            await self._client.views_publish(user_id=user, view=view)
        except WIRE_ERRORS as error:
            self._meter.count_slack_error("views.publish", error_code(error))
            log.warning("Home tab not shown", error=error_code(error))
            return
        if user in self._shown:
            self._shown[user] = page

    async def _make(self, user: str) -> View:
        try:
            return render_home(self._words, await self._look(user))
        except RefusalError as error:
            return away_home(self._words, error.message, error.hint)
        except StorageError as error:
            return away_home(self._words, error.message, error.hint)

    async def _look(self, user: str) -> HomeFacts:
        reading = self._reading
        mine, recent, waiting, offers, is_admin = await asyncio.gather(
            reading.mine(user),
            reading.recent(user, 5),
            reading.waiting_for(user),
            reading.offers(user),
            reading.is_admin(user),
        )
        overdue = await reading.overdue() if is_admin else ()
        restore = await reading.restore() if is_admin else Standing()
        return HomeFacts(
            mine=[self._story(grant) for grant in mine],
            waiting=[self._story(grant) for grant in waiting],
            recent=[Story(grant) for grant in recent],
            offers=offers,
            overdue=[Story(grant) for grant in overdue],
            restore=restore,
        )

    def _story(self, grant: Grant) -> Story:
        """Without its history: the page needs none."""
        return Story(grant, effects=self._reading.effects(grant))
