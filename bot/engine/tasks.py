"""Our own tasks: kept by reference, named, ended together. One of the two edges for errors."""

import asyncio
from collections.abc import Coroutine

import structlog

log = structlog.get_logger("curfew.engine")


class Tasks:
    """A group that outlives its members' errors: one unit of work that fails ends itself only."""

    def __init__(self) -> None:
        """Empty; usable at once."""
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    def start(self, work: Coroutine[object, object, None], name: str) -> None:
        """Run `work` until it ends. After `close` began, it is dropped unstarted."""
        if self._closing:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The rows hold what is still to be done; the next tick does it again.
            log.error("unit of work failed", unit=task.get_name(), exc_info=error)

    def __len__(self) -> int:
        return len(self._running)

    async def close(self, limit: float) -> None:
        """Take nothing new; wait up to `limit` seconds, then cancel what still runs."""
        self._closing = True
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=limit)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
