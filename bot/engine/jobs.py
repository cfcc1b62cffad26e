"""What to do at a provider for one claimed grant, and what its answer means. No database here."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.base import AdapterError, Caps, Presence, RefusedError, UnreachableError
from bot.domain.acts import (
    Act,
    Alarm,
    Announce,
    Confirm,
    End,
    Extend,
    Fail,
    FailExtension,
    Retry,
    Role,
)
from bot.domain.grant import EndReason, Grant
from bot.domain.schedule import Due
from bot.engine.providers import MANUAL, TIMED, Providers, order_of

ACTOR: Final = "worker"
LONGEST_DISTANCE: Final = 60.0
"""Seconds between two tries at most; we never stop trying to take access away."""
ALARM_AFTER: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed grant. Only the holder of `token` may record what came of it."""

    grant: Grant
    due: Due
    token: str


def distance(attempts: int, asked: float | None = None) -> timedelta:
    """How long until the next try: doubling from half a second, with jitter; or as asked."""
    wait = min(0.5 * 2.0 ** min(attempts, 10), LONGEST_DISTANCE)
    if asked is not None:
        wait = min(max(wait, asked), LONGEST_DISTANCE)
    return timedelta(seconds=wait * random.uniform(0.75, 1.0))  # noqa: S311 - no secret in it


def retry(grant: Grant, now: datetime, error: AdapterError | str) -> Retry:
    """Try again later, as the error asks."""
    asked = error.retry_after if isinstance(error, UnreachableError) else None
    return Retry(
        actor=ACTOR,
        role=Role.WORKER,
        error=str(error),
        at=now + distance(grant.attempts, asked),
    )


class Provision:
    """The calls. Each returns the acts to record, in order; it raises nothing of an adapter's."""

    def __init__(self, providers: Providers, now: Callable[[], datetime]) -> None:
        """`now` is the engine's clock, for the distance of tries only."""
        self._providers = providers
        self._now = now
        self._calls: Mapping[Due, Callable[[Grant], Awaitable[tuple[Act, ...]]]] = {
            Due.GRANT: self._grant,
            Due.EXTEND: self._extend,
            Due.REVOKE: self._revoke,
        }

    async def run(self, job: Job) -> tuple[Act, ...]:
        return await self._calls[job.due](job.grant)

    def looks_first(self, grant: Grant) -> bool:
        """Without our mark on it, what is there before our first call was there before us."""
        return Caps.PER_GRANT not in self._providers.caps(grant) and grant.unsure_until is None

    def native_end(self, grant: Grant) -> datetime | None:
        caps = self._providers.caps(grant)
        return order_of(grant).expires_at if Caps.NATIVE_EXPIRY in caps else None

    async def look(self, grant: Grant, until: datetime) -> tuple[Act, ...]:
        """Before the first grant call: `Fail` when the person has it already, else `Announce`."""
        try:
            presence = await self._providers.verify(grant)
        except RefusedError as error:
            return (_fail(str(error), landed=True),)
        except AdapterError as error:
            return (retry(grant, self._now(), error),)
        if presence is Presence.ABSENT:
            return (Announce(actor=ACTOR, role=Role.WORKER, until=until),)
        return (_fail("you have this already", landed=True, held=True),)

    async def _grant(self, grant: Grant) -> tuple[Act, ...]:
        try:
            await self._providers.grant(grant)
            presence = await self._providers.verify(grant)
        except RefusedError as error:
            return (_fail(str(error), landed=True),)
        except AdapterError as error:
            return (retry(grant, self._now(), error),)
        if presence is not Presence.PRESENT:
            return (retry(grant, self._now(), f"the provider shows it as {presence}"),)
        return (Confirm(actor=ACTOR, role=Role.WORKER, native_end=self.native_end(grant)),)

    async def _extend(self, grant: Grant) -> tuple[Act, ...]:
        try:
            await self._providers.grant(grant)
        except RefusedError as error:
            return (FailExtension(actor=ACTOR, role=Role.WORKER, error=str(error)),)
        except AdapterError as error:
            return (retry(grant, self._now(), error),)
        return (Extend(actor=ACTOR, role=Role.WORKER, native_end=self.native_end(grant)),)

    async def _revoke(self, grant: Grant) -> tuple[Act, ...]:
        urgency = MANUAL if grant.end_reason is EndReason.REVOKED else TIMED
        try:
            await self._providers.revoke(grant, urgency=urgency)
            presence = await self._providers.verify(grant, urgency=urgency)
        except AdapterError as error:
            return self._late(grant, error)
        if presence is not Presence.ABSENT:
            return self._late(grant, UnreachableError(f"still {presence} after the revoke"))
        if (sure_at := self._sure_at(grant)) is not None and self._now() < sure_at:
            waiting = "gone; a call that was given up on could still land"
            return (Retry(actor=ACTOR, role=Role.WORKER, error=waiting, at=sure_at),)
        return (End(actor=ACTOR, role=Role.WORKER),)

    def _sure_at(self, grant: Grant) -> datetime | None:
        if grant.unsure_until is None:
            return None
        return grant.unsure_until + self._providers.settle(grant)

    def _late(self, grant: Grant, error: AdapterError) -> tuple[Act, ...]:
        """A refusal needs a human at once; anything else gets a minute before it alarms."""
        now = self._now()
        again = retry(grant, now, error)
        since = grant.revoking_at or now
        alarming = isinstance(error, RefusedError) or now - since >= ALARM_AFTER
        if alarming and grant.overdue_at is None:
            return (Alarm(actor=ACTOR, role=Role.WORKER, error=str(error)), again)
        return (again,)


def _fail(error: str, *, landed: bool, held: bool = False) -> Fail:
    return Fail(actor=ACTOR, role=Role.WORKER, error=error, landed=landed, held=held)
