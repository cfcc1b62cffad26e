"""What commands stand on: the settings and the database, opened and closed again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.config.settings import Settings, read_settings
from bot.storage.database import Database

T = TypeVar("T")


def with_database(work: Callable[[Database], Awaitable[T]], settings: Settings | None = None) -> T:
    """Opens the database of the settings beside whoever else has it, and does the work.

    Raises the storage's errors and `ConfigurationError`.
    """
    found = settings or read_settings()
    quiet()

    async def run() -> T:
        async with await Database.open(found.database_url.get_secret_value()) as database:
            return await work(database)

    return asyncio.run(run())


def quiet() -> None:
    """A command speaks for itself: the log shows only what is wrong."""
    from bot.observability.logs import configure_logs

    configure_logs("WARNING", "console")
