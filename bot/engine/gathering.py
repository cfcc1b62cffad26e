"""Many hands, one writer: what came in while the last commit ran goes into the next, together.

No timer and nothing to tune: alone it is written at once, by the thousand it costs a commit a
batch, and a crash never finds more unwritten than what came in during one commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import structlog

from bot.storage.errors import StorageError

log = structlog.get_logger("curfew.engine")

BATCH: Final = 200

T = TypeVar("T")
R = TypeVar("R")

Write = Callable[[Sequence[T]], Awaitable[Sequence[R]]]


class Gathering(Generic[T, R]):
    """Writes items in batches, each batch one transaction."""

    def __init__(self, write: "Write[T, R]") -> None:
        """`write` writes a batch whole or not at all, and gives the items' results in order."""
        self._write_all = write
        self._queue: list[tuple[T, asyncio.Future[R]]] = []
        self._news = asyncio.Event()
        self._writing = 0

    def __len__(self) -> int:
        """How many items are not on disk yet."""
        return len(self._queue) + self._writing

    async def put(self, item: T) -> R:
        """The item's result once it is on disk. Raises what `write` raised."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, done))
        self._news.set()
        return await done

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                self._writing = len(batch)
                try:
                    await self._write(batch)
                finally:
                    self._writing = 0

    async def _write(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        items = [item for item, _ in batch]
        try:
            results = await self._write_all(items)
        except StorageError as error:
            log.warning("outcomes not recorded", count=len(batch), error=str(error))
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - it is the caller's, and goes there whole
            if len(batch) == 1:
                _fail(batch, error)
                return
            # One of them spoilt it for all, and nothing was written: each for itself then.
            for each in batch:
                await self._write([each])
        else:
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)


def _fail(batch: Sequence[tuple[T, asyncio.Future[R]]], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)
