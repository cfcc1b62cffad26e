"""What to do at a provider for one claimed grant. The calls only: no database, no clock here."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from adapters.base import AdapterError, Caps, PendingError, RefusedError, UnreachableError
from bot.domain.grant import EndReason, Grant
from bot.domain.schedule import Due
from bot.engine.conclusions import Answer
from bot.engine.providers import MANUAL, TIMED, Ours, Providers, order_of


class Job(Struct, frozen=True):
    """One claimed grant. Only the holder of `token` may record what came of it."""

    grant: Grant
    due: Due
    token: str


class Provision:
    """The calls. What the provider says, in whichever way, comes back as an `Answer`."""

    def __init__(self, providers: Providers) -> None:
        """Stateless: any number of calls at once."""
        self._providers = providers
        self._calls: Mapping[Due, Callable[[Grant, Ours], Awaitable[Answer]]] = {
            Due.GRANT: self._grant,
            Due.EXTEND: self._extend,
            Due.REVOKE: self._revoke,
        }

    async def run(self, job: Job, ours: Ours) -> Answer:
        """Do what is due. Raises what `ours` raises; then nothing was given."""
        moment = self._providers.moment
        began = moment()
        answer = await _answered(self._calls[job.due](job.grant, ours))
        return replace(
            answer,
            settle=self._providers.settle(job.grant),
            age=lambda: timedelta(seconds=moment() - began),
        )

    async def look(self, grant: Grant) -> Answer:
        """What is there before our first call."""
        return await _answered(self._verify(grant))

    def patience(self, grant: Grant) -> timedelta:
        """How long making this access may take in all."""
        return self._providers.patience(grant)

    def looks_first(self, grant: Grant) -> bool:
        """Without our mark on it, what is there before our first call was there before us."""
        return Caps.PER_GRANT not in self._providers.caps(grant) and grant.unsure_until is None

    async def _verify(self, grant: Grant) -> Answer:
        return Answer(presence=await self._providers.verify(grant))

    async def _grant(self, grant: Grant, ours: Ours) -> Answer:
        await self._providers.grant(grant, ours)
        presence = await self._providers.verify(grant)
        return Answer(presence=presence, native_end=self._native_end(grant))

    async def _extend(self, grant: Grant, ours: Ours) -> Answer:
        await self._providers.grant(grant, ours)
        return Answer(native_end=self._native_end(grant))

    async def _revoke(self, grant: Grant, _ours: Ours) -> Answer:
        urgency = MANUAL if grant.end_reason is EndReason.REVOKED else TIMED
        return Answer(presence=await self._providers.remove(grant, urgency=urgency))

    def _native_end(self, grant: Grant) -> datetime | None:
        caps = self._providers.caps(grant)
        return order_of(grant).expires_at if Caps.NATIVE_EXPIRY in caps else None


async def _answered(call: Awaitable[Answer]) -> Answer:
    """An adapter's error is an answer too."""
    try:
        return await call
    except RefusedError as error:
        return Answer(error=str(error), refused=True)
    except PendingError as error:
        return Answer(error=str(error), retry_after=error.retry_after, by_hand=error.by_hand)
    except UnreachableError as error:
        return Answer(error=str(error), retry_after=error.retry_after)
    except AdapterError as error:
        return Answer(error=str(error))
