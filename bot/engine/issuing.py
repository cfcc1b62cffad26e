"""Credentials: pulled by the person, shown once, never kept.

On disk before the provider is asked: a call that lands late is known, and an end waits for it. On
disk again when it answered: nothing of it can land then. Credentials are shown only after that;
when access was taken away meanwhile, nothing is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.base import AdapterError, Credential, RefusedError, UnsupportedError
from bot.domain.acts import Act, Announce, Issue, Role, Withdraw
from bot.domain.errors import IllegalEventError, RefusalError
from bot.domain.grant import Grant, State
from bot.engine.acting import Acting, Intent, found
from bot.engine.authority import Parties
from bot.engine.ledger import Ledger, Pen
from bot.engine.providers import Providers

LANDS_WITHIN: Final = timedelta(seconds=15)
"""How long a call for credentials may still land after it was announced."""


async def issue(
    acting: Acting,
    ledger: Ledger,
    providers: Providers,
    *,
    user: str,
    grant_id: str,
    answers: Mapping[str, str],
) -> Credential:
    """Fresh credentials, for the requester alone and only while active; the former end.

    `answers` go to the adapter and nowhere else.
    """
    call = _Call(user, grant_id, providers)
    grant = await acting.run(Intent(user, grant_id, call.announce))
    try:
        credential = await providers.issue(grant, answers)
    except RefusedError as error:
        await call.withdraw(ledger)
        raise RefusalError("provider_refused", f"The provider refused: {error}.") from None
    except UnsupportedError:
        await call.withdraw(ledger)
        raise RefusalError(
            "no_credentials",
            "This access comes without credentials: your own login has it now.",
        ) from None
    except AdapterError as error:
        raise RefusalError(
            "provider_away", f"The provider did not answer: {error}.", hint="Try again."
        ) from None
    try:
        await call.record(ledger)
    except IllegalEventError as error:
        raise await acting.stale(error.grant, user) from None
    return credential


def require_requester(grant: Grant, parties: Parties) -> None:
    """Raises `RefusalError` for anybody but the person whose access it is."""
    del grant
    if not parties.actor.is_same_person(parties.requester):
        raise RefusalError(
            "not_yours", "Credentials are shown only to the person whose access it is."
        )


@dataclass(slots=True)
class _Call:
    """One call for credentials. `announced` is None while an earlier one may still land."""

    user: str
    grant_id: str
    providers: Providers
    announced: datetime | None = None

    def announce(self, grant: Grant, parties: Parties, now: datetime) -> Act:
        require_requester(grant, parties)
        if grant.state is not State.ACTIVE:
            raise IllegalEventError(grant, Issue.verb)
        until, earlier = now + LANDS_WITHIN, grant.unsure_until
        alone = earlier is None or earlier + self.providers.settle(grant) <= now
        self.announced = until if alone else None
        return Announce(actor=self.user, role=Role.WORKER, until=until)

    async def record(self, ledger: Ledger) -> None:
        """Before they are shown. Raises `IllegalEventError` when access was taken away."""

        def change(pen: Pen) -> None:
            grant = found(pen.grant(self.grant_id), self.grant_id)
            pen.step(grant, Issue(actor=self.user, role=Role.REQUESTER, announced=self.announced))

        await ledger.write(change)

    async def withdraw(self, ledger: Ledger) -> None:
        """The provider said no: an end need not wait for this call."""
        announced = self.announced
        if announced is None:
            return

        def change(pen: Pen) -> None:
            grant = found(pen.grant(self.grant_id), self.grant_id)
            if grant.state is State.ACTIVE:  # on its way out it is looked at again in any case
                pen.step(grant, Withdraw(actor=self.user, role=Role.REQUESTER, announced=announced))

        await ledger.write(change)
