"""What people do. Each call looks up authority, then makes one transaction.

Everything that a person may not do, or cannot, is a `RefusalError` with the reason and the way
out; it is in the log by then. What the storage raises rises: then nothing was changed, or it says
that this is not known.

`seen` names the request as Slack does. A repeat changes nothing and answers with what is there.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from adapters.base import Ask, Credential
from bot.domain import command
from bot.domain.acts import (
    Act,
    AskExtension,
    Cancel,
    Complete,
    Deny,
    DenyExtension,
    Revoke,
    Role,
    Vote,
    VoteExtension,
)
from bot.domain.errors import IllegalEventError, RefusalError
from bot.domain.grant import Grant, State
from bot.domain.record import EventKind
from bot.engine.acting import Acting, Intent, first_time
from bot.engine.asking import acquaint, enter, prepare, room_to_extend
from bot.engine.authority import (
    Authority,
    Parties,
    ender_role,
    operator_role,
    require_decider,
    standing_rule,
)
from bot.engine.issuing import issue, require_requester
from bot.engine.ledger import Ledger, Pen
from bot.engine.picking import pick
from bot.engine.providers import Providers
from bot.storage import store
from bot.storage.errors import DuplicateError

NOTHING_SAID: Final[Mapping[str, str]] = MappingProxyType({})
"""The answers where nothing was asked."""


class Service:
    """The one way in for people's acts, from Slack and from a terminal."""

    def __init__(self, ledger: Ledger, authority: Authority, providers: Providers) -> None:
        """Stateless: any number of calls at once."""
        self._ledger = ledger
        self._authority = authority
        self._providers = providers
        self._acting = Acting(ledger, authority)

    async def ask(self, user: str, asked: command.Ask, *, seen: str | None = None) -> Grant:
        """A new grant: pending, or decided at once where the policy needs no approval."""
        account = await self._authority.account(user)
        try:
            request = prepare(self._authority.policy, account, asked)
            await acquaint(request, self._providers, self._ledger.clock.now())

            def change(pen: Pen) -> Grant:
                if not first_time(pen, seen):
                    return _made_before(pen, user, request.resource.name)
                return enter(pen, request, self._providers)

            return await self._ledger.write(change)
        except DuplicateError:
            # Two requests at the same instant: the schema let one through.
            refusal = RefusalError(
                "live_already", "You asked for this already.", hint="/access mine shows it."
            )
        except RefusalError as error:
            refusal = error
        await self._acting.note(EventKind.REQUEST_REFUSED, user, refusal, resource=asked.resource)
        raise refusal

    async def vote(
        self,
        user: str,
        grant_id: str,
        *,
        duration: timedelta | None = None,
        seen: str | None = None,
    ) -> Grant:
        """An approver's yes, for less time than asked where `duration` says so."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del now
            require_decider(grant, parties)
            standing_rule(grant, parties)
            return Vote(actor=user, role=Role.APPROVER, duration=duration)

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def deny(
        self, user: str, grant_id: str, *, reason: str = "", seen: str | None = None
    ) -> Grant:
        """An approver's no; the reason is told to the requester."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del now
            require_decider(grant, parties)
            return Deny(actor=user, role=Role.APPROVER, reason=reason)

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def require_decider(self, user: str, grant_id: str) -> None:
        """Raises `RefusalError` unless this person may decide on it: before a form is opened."""
        await self._acting.check(user, grant_id, require_decider)

    async def cancel(self, user: str, grant_id: str, *, seen: str | None = None) -> Grant:
        """Take a request back; one's own, or anybody's as an admin."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del grant, now
            role = ender_role(parties)
            if role is Role.APPROVER:
                raise RefusalError(
                    "not_yours", "Only the requester or an admin can cancel.", hint="Use Deny."
                )
            return Cancel(actor=user, role=role)

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def revoke(
        self, user: str, grant_id: str, *, reason: str = "", seen: str | None = None
    ) -> Grant:
        """End access now; a request that is still open is cancelled."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del now
            role = ender_role(parties)
            if grant.state in (State.PENDING, State.SCHEDULED):
                return Cancel(actor=user, role=role, reason=reason)
            return Revoke(actor=user, role=role, reason=reason)

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def complete(self, user: str, grant_id: str, *, seen: str | None = None) -> Grant:
        """An operator's word that what they were asked to do by hand is done."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del grant, now
            return Complete(actor=user, role=operator_role(parties))

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def extend(
        self, user: str, grant_id: str, by: timedelta, *, reason: str, seen: str | None = None
    ) -> Grant:
        """Ask for more time; given at once where the policy needs no approval for it."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del now
            if not parties.actor.is_same_person(parties.requester):
                raise RefusalError(
                    "not_yours", "Only the person whose access it is can ask for more time."
                )
            if parties.resource is not None:
                parties.policy.may_request(parties.resource, parties.actor).require()
            return AskExtension(actor=grant.requester, role=Role.REQUESTER, by=by, reason=reason)

        def guard(pen: Pen, grant: Grant, parties: Parties) -> None:
            room_to_extend(pen, parties.resource, grant, by)

        return await self._acting.run(Intent(user, grant_id, decide, seen, guard))

    async def vote_extension(
        self, user: str, grant_id: str, number: int, *, seen: str | None = None
    ) -> Grant:
        """An approver's yes to more time. `number` is the extension's, counted from 1."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del now
            require_decider(grant, parties)
            _require_open(grant, number)
            return VoteExtension(actor=user, role=Role.APPROVER)

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def deny_extension(
        self,
        user: str,
        grant_id: str,
        number: int,
        *,
        reason: str = "",
        seen: str | None = None,
    ) -> Grant:
        """An approver's no to more time; the former end holds."""

        def decide(grant: Grant, parties: Parties, now: datetime) -> Act:
            del now
            require_decider(grant, parties)
            _require_open(grant, number)
            return DenyExtension(actor=user, role=Role.APPROVER, reason=reason)

        return await self._acting.run(Intent(user, grant_id, decide, seen))

    async def questions(self, user: str, grant_id: str) -> tuple[Ask, ...]:
        """What is asked before credentials are made; empty where nothing is.

        Nobody fills in a form only to be refused: where something is asked, raises `RefusalError`
        as `issue` would.
        """
        grant = await self._ledger.read(lambda conn: store.get_grant(conn, grant_id))
        asks = self._providers.asks(grant) if grant is not None else ()
        if grant is None or not asks:
            return ()
        await self._acting.check(user, grant_id, require_requester)
        if grant.state is not State.ACTIVE:
            refusal = await self._acting.stale(grant, user)
            await self._acting.note(EventKind.CLICK_REFUSED, user, refusal, grant_id=grant_id)
            raise refusal
        return asks

    async def is_first(self, seen: str | None) -> bool:
        """Whether this request was never seen before; it has been seen from now on."""
        return await self._ledger.write(lambda pen: first_time(pen, seen))

    async def issue(
        self, user: str, grant_id: str, answers: Mapping[str, str] = NOTHING_SAID
    ) -> Credential:
        """Fresh credentials, for the requester alone and only while active; the former end.

        `answers` are to `questions`; they are neither stored nor logged.
        """
        return await issue(
            self._acting,
            self._ledger,
            self._providers,
            user=user,
            grant_id=grant_id,
            answers=answers,
        )

    async def pick(self, user: str, target: str | None) -> Grant:
        """Which grant is meant: see `bot.engine.picking.pick`."""
        return await pick(self._ledger, user, target)


def _made_before(pen: Pen, user: str, resource: str) -> Grant:
    """What this very request made, whatever became of it: a replayed one asks for nothing new.

    A request that was refused was not remembered, so there is something.
    """
    made = store.list_grants(pen.conn, requester=user, resource=resource, limit=1)
    if not made:
        raise RefusalError(
            "sent_already", "This was sent off already.", hint="/access mine shows what you have."
        )
    return made[0]


def _require_open(grant: Grant, number: int) -> None:
    if grant.state is not State.ACTIVE:
        raise IllegalEventError(grant, VoteExtension.verb)
    if grant.extension is None or grant.extension.number != number or grant.extension.approved:
        raise RefusalError("no_extension_open", "This has been decided already.")
