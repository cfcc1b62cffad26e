"""This machine's clock beside the database's, by which everything ends."""

from datetime import timedelta
from typing import Final

import structlog

from bot.storage import store
from bot.storage.database import Database

log = structlog.get_logger("curfew.engine")

MOST: Final = timedelta(seconds=2)


class Skew:
    """Says in the log when the two are apart. Access ends by the database's all the same."""

    def __init__(self, database: Database) -> None:
        """Remembers nothing but the last word on it."""
        self._database = database
        self._said = False

    async def run(self) -> None:
        """One look. Said once while it lasts; nothing on SQLite, where there is one clock."""
        before = self._database.clock.now()
        there = await self._database.read(store.now)
        # Right at some moment between asking and the answer: then they agree.
        apart = max(before - there, there - self._database.clock.now())
        if apart > MOST and not self._said:
            seconds = round(apart.total_seconds(), 1)
            log.warning("this machine's clock is not the database's", seconds=seconds)
        self._said = apart > MOST
