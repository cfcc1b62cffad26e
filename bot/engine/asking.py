"""A request, from what was typed to a row: what can be checked before anybody decides."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.base import AdapterError, Person
from adapters.base import Order as ProviderOrder
from bot.domain import command
from bot.domain.acts import Ask, Role
from bot.domain.errors import RefusalError
from bot.domain.grant import Grant, Kind, Order, Recipient, State, Terms, new_id
from bot.domain.limits import (
    check_cooldown,
    check_duration,
    check_limit,
    check_reason,
    check_start,
)
from bot.domain.people import Account
from bot.domain.policy import Policy, Resource
from bot.engine.ledger import Pen
from bot.engine.providers import Providers
from bot.storage import store

LIVE_WORDS: Final[Mapping[State, str]] = {
    State.PENDING: "is waiting for a decision",
    State.SCHEDULED: "is approved and starts later",
    State.GRANTING: "is being set up",
    State.ACTIVE: "is yours now",
    State.REVOKING: "is being taken away",
}


ACQUAINT_WITHIN: Final = 1.0
"""Seconds for a provider to say whether it knows the person: somebody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for, checked against the rules that need no numbers from the rows."""

    account: Account
    resource: Resource
    asked: command.Ask
    recipient: Recipient


def prepare(policy: Policy, account: Account, asked: command.Ask) -> Request:
    """Raises `RefusalError` for who may not ask, a wrong reason, break-glass that is not there."""
    resource = policy.resource(asked.resource)
    policy.may_request(resource, account).require()
    if asked.emergency:
        raise RefusalError(
            "no_emergency",
            f"{resource.name} has no emergency access.",
            hint=f"/access {resource.name} {asked.reason}",
        )
    check_reason(resource, asked.reason).require()
    recipient = Recipient(account.user, account.email, account.name, dict(policy.names_of(account)))
    return Request(account, resource, asked, recipient)


async def acquaint(request: Request, providers: Providers, now: datetime) -> None:
    """Raises `RefusalError` for a person whom the provider does not know.

    A provider that cannot say in time hinders no request: it says so when the access is made.
    """
    provider = request.resource.provider.name
    try:
        async with asyncio.timeout(ACQUAINT_WITHIN):
            missing = await providers.counterpart(provider, _provider_order(request, now))
    except (AdapterError, TimeoutError):
        return
    if missing is not None:
        raise RefusalError("no_counterpart", missing)


def enter(pen: Pen, request: Request, providers: Providers) -> Grant:
    """The new grant's row. Raises `RefusalError` where what is there already forbids it."""
    resource, now = request.resource, pen.now
    starts_at = request.asked.starts_at
    if starts_at is not None and starts_at <= now:
        starts_at = None
    duration = _length(request, starts_at or now)
    check_start(starts_at, now).require()
    check_duration(resource, duration).require()
    fact = _fact(request, providers, now + duration)
    _refuse_second(pen, request, fact)
    _refuse_spent(pen, request, duration)
    decide_by = now + resource.decide_within
    if request.asked.ends_at is not None:
        decide_by = min(decide_by, request.asked.ends_at)
    return pen.open(
        Ask(
            actor=request.account.user,
            role=Role.REQUESTER,
            grant_id=new_id(),
            resource=resource.name,
            reason=request.asked.reason,
            duration=duration,
            kind=Kind.STANDARD,
            order=Order(
                resource.provider.name,
                resource.provider.adapter,
                dict(resource.grant),
                request.recipient,
            ),
            terms=terms_of(resource),
            policy_hash=resource.digest,
            decide_by=decide_by,
            starts_at=starts_at,
            ends_by=request.asked.ends_at,
            fact=fact,
        )
    )


def terms_of(resource: Resource) -> Terms:
    """The resource's rules as a grant keeps them."""
    return Terms(
        approvals=resource.approvals,
        max_duration=resource.max_duration,
        warn_before=resource.warn_before,
        remind_after=resource.remind_after,
        extend_approvals=resource.extend.approvals,
    )


def _length(request: Request, start: datetime) -> timedelta:
    if request.asked.ends_at is None:
        return request.asked.duration or request.resource.duration
    left = request.asked.ends_at - start
    if left < timedelta(seconds=1):
        raise RefusalError("past", "That end has passed already.", hint="Give a later one.")
    return timedelta(seconds=int(left.total_seconds()))


def _fact(request: Request, providers: Providers, end: datetime) -> str | None:
    provider = request.resource.provider.name
    return providers.adapter(provider).fact(_provider_order(request, end))


def _provider_order(request: Request, end: datetime) -> ProviderOrder:
    """What the adapter would be told of it, but for the id: there is none yet."""
    person = request.recipient
    return ProviderOrder(
        grant_id="",
        resource=request.resource.name,
        params=request.resource.grant,
        person=Person(person.user, person.email, person.name, person.names),
        expires_at=end,
    )


def _refuse_second(pen: Pen, request: Request, fact: str | None) -> None:
    """Never two at once for one person and resource, nor for the same thing at the provider."""
    user, name = request.account.user, request.resource.name
    live = store.live_grant(pen.conn, user, name)
    if live is None and fact is not None:
        live = store.live_by_fact(pen.conn, fact)
    if live is None:
        return
    hint = f"/access extend {name} 30m" if live.state is State.ACTIVE else "/access mine shows it."
    raise RefusalError(
        "live_already", f"{live.resource} ({live.id}) {LIVE_WORDS[live.state]}.", hint=hint
    )


def _refuse_spent(pen: Pen, request: Request, duration: timedelta) -> None:
    resource, user = request.resource, request.account.user
    if resource.cooldown is not None:
        last = store.last_ended(pen.conn, user, resource.name)
        check_cooldown(resource, ended_at=last, now=pen.now).require()
    if resource.limit is not None:
        since = pen.now - resource.limit.per
        used = store.access_time(pen.conn, user, resource.name, since)
        check_limit(resource, used=used, asked=duration).require()


def room_to_extend(pen: Pen, resource: Resource | None, grant: Grant, by: timedelta) -> None:
    """More time counts against the limit as if it were asked for anew."""
    if resource is None or resource.limit is None or grant.expires_at is None:
        return
    since = pen.now - resource.limit.per
    used = store.access_time(pen.conn, grant.requester, grant.resource, since)
    left = max(grant.expires_at - pen.now, timedelta(0))
    check_limit(resource, used=used + left, asked=by).require()
