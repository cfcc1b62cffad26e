"""Credentials: pulled by the person, shown once, never kept.

On disk before the provider is asked: a call that lands late is known, and an end waits for it. On
disk again before they are shown: when access was taken away meanwhile, nothing is.
"""

from datetime import datetime, timedelta
from typing import Final

from adapters.base import AdapterError, Credential, RefusedError, UnsupportedError
from bot.domain.acts import Act, Announce, Issue, Role
from bot.domain.errors import IllegalEventError, RefusalError
from bot.domain.grant import Grant, State
from bot.engine.acting import Acting, Intent, found
from bot.engine.authority import Parties
from bot.engine.ledger import Ledger, Pen
from bot.engine.providers import Providers

LANDS_WITHIN: Final = timedelta(seconds=15)
"""How long a call for credentials may still land after it was announced."""


async def issue(
    acting: Acting, ledger: Ledger, providers: Providers, *, user: str, grant_id: str
) -> Credential:
    """Fresh credentials, for the requester alone and only while active; the former end."""
    intent = Intent(user, grant_id, _announce)
    grant = await acting.run(intent)
    try:
        credential = await providers.issue(grant)
    except RefusedError as error:
        raise RefusalError("provider_refused", f"The provider refused: {error}.") from None
    except UnsupportedError:
        raise RefusalError(
            "no_credentials",
            "This access comes without credentials: your own login has it now.",
        ) from None
    except AdapterError as error:
        raise RefusalError(
            "provider_away", f"The provider did not answer: {error}.", hint="Try again."
        ) from None
    await _record(acting, ledger, user, grant)
    return credential


def _announce(grant: Grant, parties: Parties, now: datetime) -> Act:
    if not parties.actor.is_same_person(parties.requester):
        raise RefusalError(
            "not_yours", "Credentials are shown only to the person whose access it is."
        )
    if grant.state is not State.ACTIVE:
        raise IllegalEventError(grant, Issue.verb)
    return Announce(actor=parties.actor.user, role=Role.WORKER, until=now + LANDS_WITHIN)


async def _record(acting: Acting, ledger: Ledger, user: str, announced: Grant) -> None:
    def change(pen: Pen) -> None:
        grant = found(pen.grant(announced.id), announced.id)
        until = announced.unsure_until or pen.now
        pen.step(grant, Issue(actor=user, role=Role.REQUESTER, announced=until))

    try:
        await ledger.write(change)
    except IllegalEventError as error:
        raise await acting.stale(error.grant, user) from None
