"""What people see: reads only, each one consistent look at the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from adapters.base import AdapterError, Effects
from bot.domain.errors import RefusalError
from bot.domain.grant import LIVE, Grant, State, Task
from bot.domain.people import Account
from bot.domain.policy import Resource
from bot.domain.record import SealedEvent
from bot.engine.authority import Authority
from bot.engine.ledger import Ledger
from bot.engine.ports import Posting
from bot.engine.providers import Providers
from bot.engine.restoring import Standing, standing
from bot.storage import store

PAGE = 50


@dataclass(frozen=True, slots=True)
class History:
    """What stands in the log about a subject, the newest first. `more` when it was cut."""

    events: tuple[SealedEvent, ...]
    grants: dict[str, Grant]
    more: bool


class Reading:
    """Looks. Whoever may not see something gets a `RefusalError`."""

    def __init__(self, ledger: Ledger, authority: Authority, providers: Providers) -> None:
        """Stateless: any number of looks at once."""
        self._ledger = ledger
        self._authority = authority
        self._providers = providers

    @property
    def policy_resources(self) -> dict[str, Resource]:
        return dict(self._authority.policy.resources)

    async def grant(self, grant_id: str) -> Grant | None:
        return await self._ledger.read(lambda conn: store.get_grant(conn, grant_id))

    async def event(self, seq: int) -> SealedEvent | None:
        return await self._ledger.read(lambda conn: store.get_event(conn, seq))

    async def events(self, grant_id: str) -> list[SealedEvent]:
        """The whole history of a grant, oldest first."""
        return await self._ledger.read(lambda conn: store.events_of(conn, grant_id))

    async def postings(self, grant_id: str) -> list[Posting]:
        """Every message of a grant, in the order of their first posting."""
        return await self._ledger.read(lambda conn: store.postings_of(conn, grant_id))

    async def conversation(self, user: str) -> str | None:
        """The channel of this person's own conversation with us, once something was said there."""
        return await self._ledger.read(lambda conn: store.conversation_with(conn, user))

    async def posting_at(self, channel: str, ts: str) -> Posting | None:
        """Which of our messages stands there; None for a copy, or for one that is not ours."""
        return await self._ledger.read(lambda conn: store.posting_at(conn, channel, ts))

    def effects(self, grant: Grant) -> Effects:
        return self._providers.effects(grant)

    def task(self, grant: Grant, task: Task) -> str:
        """What the operators are asked to do by hand; the mark where the adapter cannot say."""
        try:
            return self._providers.task(grant, task)
        except AdapterError:
            return f"{task.value.capitalize()} curfew-{grant.id} at {grant.order.provider} by hand."

    def cleanup(self, grant: Grant) -> str:
        """What a human does when all else fails; the mark to look for where no adapter can say."""
        try:
            return self._providers.cleanup(grant)
        except AdapterError:
            return f"Remove everything named curfew-{grant.id} from {grant.order.provider} by hand."

    async def offers(self, user: str) -> tuple[Resource, ...]:
        """What this person may ask for, by name."""
        account = await self._authority.account(user)
        return self._authority.policy.requestable_by(account)

    async def mine(self, user: str) -> list[Grant]:
        """What this person has and waits for, the newest first."""
        return await self._ledger.read(
            lambda conn: store.list_grants(conn, states=LIVE, requester=user, limit=PAGE)
        )

    async def recent(self, user: str, limit: int = 10) -> list[Grant]:
        """What this person had or was not given, the newest first."""
        over = frozenset(State) - LIVE
        return await self._ledger.read(
            lambda conn: store.list_grants(conn, states=over, requester=user, limit=limit)
        )

    async def waiting_for(self, user: str) -> list[Grant]:
        """What this person may decide on now, oldest first: requests, then extensions."""
        account = await self._authority.account(user)
        found: list[Grant] = []
        for look in (store.pending_grants, store.extending_grants):
            after = None
            while len(found) < PAGE:
                page = await self._ledger.read(partial(look, after=after))
                found += [grant for grant in page if await self._may_decide(account, grant)]
                if not page:
                    break
                after = store.position(page[-1])
        return found[:PAGE]

    async def _may_decide(self, account: Account, grant: Grant) -> bool:
        policy = self._authority.policy
        resource = policy.resources.get(grant.resource)
        if resource is None or not _undecided(grant, account.user):
            return False
        requester = await self._authority.account(grant.requester)
        return bool(policy.may_decide(resource, account, requester=requester))

    async def holders(self, user: str, name: str) -> list[Grant]:
        """Who has a resource now, for those who may ask for it, decide on it or look after it."""
        account = await self._authority.account(user)
        resource = self._authority.policy.resource(name)
        if resource not in self._authority.policy.visible_to(account):
            raise RefusalError(
                "not_visible",
                f"You are not among those who may see who has {resource.name}.",
                hint="/access list shows what you may ask for.",
            )
        return await self._ledger.read(
            lambda conn: store.list_grants(
                conn,
                states=(State.GRANTING, State.ACTIVE, State.REVOKING),
                resource=resource.name,
                limit=PAGE,
            )
        )

    async def history(
        self,
        user: str,
        *,
        resource: str | None = None,
        person: str | None = None,
        since: datetime | None = None,
    ) -> History:
        """The log about a resource, a person or (neither) oneself.

        Raises `RefusalError` for what is not one's own, unless as approver of the resource or
        admin.
        """
        account = await self._authority.account(user)
        if resource is None and person is None:
            person = user
        self._may_audit(account, resource, person)

        def look(conn: Connection) -> History:
            events = store.search_events(
                conn, resource=resource, person=person, since=since, limit=PAGE + 1
            )
            shown = tuple(events[:PAGE])
            ids = {event.grant_id for event in shown if event.grant_id}
            return History(shown, store.get_grants(conn, ids), len(events) > PAGE)

        return await self._ledger.read(look)

    def _may_audit(self, account: Account, resource: str | None, person: str | None) -> None:
        if resource is None and person == account.user:
            return
        policy = self._authority.policy
        policy.may_audit(policy.resource(resource) if resource else None, account).require()

    async def overdue(self) -> Sequence[Grant]:
        """What should be gone and is not, the longest first."""
        return await self._ledger.read(store.overdue_grants)

    async def restore(self) -> Standing:
        """What was seen of a database that was put back, and waits for an admin's word."""
        return await self._ledger.read(standing)

    async def is_admin(self, user: str) -> bool:
        return self._authority.policy.is_admin(await self._authority.account(user))


def _undecided(grant: Grant, user: str) -> bool:
    """Something is open on it, and this person has not said yes to it yet."""
    if grant.state is State.PENDING:
        return user not in grant.votes
    extension = grant.extension
    return extension is not None and not extension.approved and user not in extension.votes
