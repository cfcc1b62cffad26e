"""What `/readyz` looks at, beside Slack: database, policy, overdue access, restores, messages."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.app.policies import PolicyKeeper
from bot.engine.restoring import standing
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.web.health import Finding

PATIENCE: Final = 2.0
"""Seconds for a look at the database: whoever probes us does not wait longer."""

LONG_WAITING: Final = timedelta(minutes=10)
AWAY: Final = "The database does not answer."


@dataclass(frozen=True, slots=True)
class Looks:
    """Each look takes two seconds at most and raises nothing."""

    store: Database
    policies: PolicyKeeper

    async def database(self) -> Finding:
        """In order when it takes writes: one that can only be read ends nobody's access."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.store.try_writing()
        except StorageError as error:
            return Finding(ok=False, says=error.message)
        except TimeoutError:
            return Finding(ok=False, says=AWAY)
        return Finding(ok=True)

    async def policy(self) -> Finding:
        """Not in order while the file is refused: the former policy is in force."""
        rejected = self.policies.rejected
        if rejected is None:
            return Finding(ok=True)
        return Finding(ok=False, says=f"The file is refused, the former policy holds: {rejected}")

    async def overdue(self) -> Finding:
        """No reason to be taken out of service: it is tried on, and people are told."""
        try:
            async with asyncio.timeout(PATIENCE):
                late = await self.store.read(store.overdue_grants)
        except (StorageError, TimeoutError):
            return Finding(ok=False, says=AWAY)
        says = "Access that should be gone is not: see `curfew grants --overdue`." if late else ""
        return Finding(ok=True, says=says, figures={"grants": len(late)})

    async def restore(self) -> Finding:
        """No reason either: known ends go on. Said as long as it waits for an admin's word."""
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self.store.read(standing)
        except (StorageError, TimeoutError):
            return Finding(ok=False, says=AWAY)
        if not found.waits:
            return Finding(ok=True)
        says = "Marks that are not in the log wait for an admin's word: see `curfew restore`."
        if found.is_restored:
            says = "An older database was put back and waits for a word: see `curfew restore`."
        return Finding(ok=True, says=says, figures={"unknown_marks": len(found.unknown)})

    async def outbox(self) -> Finding:
        """Waiting messages are no reason either: nothing waits for them."""
        try:
            async with asyncio.timeout(PATIENCE):
                waiting, oldest = await self.store.read(store.notice_backlog)
        except (StorageError, TimeoutError):
            return Finding(ok=False, says=AWAY)
        age = self.store.clock.now() - oldest if oldest else timedelta(0)
        says = "Messages have been waiting for over ten minutes." if age > LONG_WAITING else ""
        seconds = max(round(age.total_seconds()), 0)
        return Finding(ok=True, says=says, figures={"waiting": waiting, "oldest_seconds": seconds})
