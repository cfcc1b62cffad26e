"""The policy: who may ask for what, for how long, and who decides. Pure; it opens no file.

Rules kept here: only full members may do anything; nobody decides on their own request, whatever
account they use; being admin approves nothing; a group is expanded once, when the policy is made.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.defaults import (
    APPROVALS,
    DECIDE_WITHIN,
    DURATION,
    MAX_DURATION,
    REASON_LENGTH,
    REMIND_AFTER,
    WARN_BEFORE,
)
from bot.domain.durations import shown
from bot.domain.errors import ProgramError, RefusalError
from bot.domain.people import Account, Standing
from bot.domain.principal import Principal, PrincipalKind, matches, spoken
from bot.domain.verdict import YES, Verdict, not_a_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """What a reason must look like. `pattern` is searched for anywhere in it."""

    min_length: int = REASON_LENGTH
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `total` of access within any stretch of `per`."""

    total: timedelta
    per: timedelta


@dataclass(frozen=True, slots=True)
class ExtendRule:
    """How many must agree to more time; 0 gives at once, None means never."""

    approvals: int | None

    @property
    def never(self) -> bool:
        return self.approvals is None


@dataclass(frozen=True, slots=True)
class Provider:
    """A configured instance of an adapter. Settings hold secrets: no repr shows them."""

    name: str
    adapter: str
    settings: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What a person asks for by name. `requesters` and `approvers` hold no `group:` any more."""

    name: str
    provider: Provider
    grant: Mapping[str, object]
    requesters: tuple[Principal, ...]
    approvers: tuple[Principal, ...]
    about: str = ""
    channel: str | None = None
    approvals: int = APPROVALS
    duration: timedelta = DURATION
    max_duration: timedelta = MAX_DURATION
    decide_within: timedelta = DECIDE_WITHIN
    remind_after: timedelta = REMIND_AFTER
    warn_before: timedelta = WARN_BEFORE
    reason: ReasonRule = field(default_factory=ReasonRule)
    limit: Limit | None = None
    cooldown: timedelta | None = None
    extend: ExtendRule = field(default_factory=lambda: ExtendRule(approvals=APPROVALS))

    def __post_init__(self) -> None:
        for principal in (*self.requesters, *self.approvers):
            if principal.kind is PrincipalKind.GROUP:
                raise ProgramError(f"{principal} of {self.name} was not expanded")

    @property
    def digest(self) -> str:
        """SHA-256 in hex over what it grants, who decides and for how long at most.

        A pending request whose resource has another digest than at its asking is cancelled. The
        provider's settings (its secrets, its address) are no part of it.
        """
        rule = {
            "provider": self.provider.name,
            "adapter": self.provider.adapter,
            "grant": self.grant,
            "approvers": sorted(str(principal) for principal in self.approvers),
            "approvals": self.approvals,
            "max_duration": self.max_duration // timedelta(seconds=1),
        }
        text = json.dumps(rule, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Channels:
    """Where the cards go and where the audit lines go; they may be the same."""

    approvals: str
    audit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole file, read and found right. `digest` is the SHA-256 of its bytes, in hex.

    `admins` holds no `group:` any more; `groups` stand as written. `people` maps an e-mail address
    in lower case, or a user id, to names at providers.
    """

    channels: Channels
    providers: Mapping[str, Provider]
    resources: Mapping[str, Resource]
    admins: tuple[Principal, ...] = ()
    groups: Mapping[str, tuple[Principal, ...]] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    digest: str = ""

    def resource(self, name: str) -> Resource:
        """The resource of that name. Raises `RefusalError` (code `unknown_resource`)."""
        found = self.resources.get(name.lower())
        if found is None:
            raise RefusalError(
                "unknown_resource",
                f"There is no resource “{shown(name)}”.",
                hint="See /access list for what you may ask for.",
            )
        return found

    def is_admin(self, account: Account) -> bool:
        """May revoke and see everything; approves nothing by it."""
        return any(matches(principal, account) for principal in self.admins)

    def is_approver(
        self, resource: Resource, account: Account, *, requester: Account | None = None
    ) -> bool:
        """Stands among the approvers. Without a requester `manager` means nobody."""
        return any(matches(p, account, requester=requester) for p in resource.approvers)

    def may_request(self, resource: Resource, account: Account) -> Verdict:
        """Codes of a no: `not_member`, `not_requester`."""
        if account.standing is not Standing.MEMBER:
            return not_a_member(account)
        if any(matches(principal, account) for principal in resource.requesters):
            return YES
        return Verdict(
            "not_requester",
            f"You are not among those who may ask for {resource.name}.",
            "See /access list for what you may ask for.",
        )

    def may_decide(self, resource: Resource, account: Account, *, requester: Account) -> Verdict:
        """Codes of a no: `not_member`, `own_request`, `not_approver`."""
        if account.standing is not Standing.MEMBER:
            return not_a_member(account)
        if account.is_same_person(requester):
            return Verdict(
                "own_request",
                "Nobody decides on their own request.",
                f"Somebody else among its approvers can: {spoken(resource.approvers)}.",
            )
        if self.is_approver(resource, account, requester=requester):
            return YES
        return Verdict(
            "not_approver",
            f"You are not among those who decide on {resource.name}.",
            f"These can: {spoken(resource.approvers)}.",
        )

    def may_end(
        self, resource: Resource | None, account: Account, *, requester: Account
    ) -> Verdict:
        """Who may end access early: its requester, any approver, any admin.

        `resource` is None when the policy has it no more; requester and admins still may.
        Codes of a no: `not_member`, `not_yours`.
        """
        if account.standing is not Standing.MEMBER:
            return not_a_member(account)
        if account.is_same_person(requester) or self.is_admin(account):
            return YES
        if resource is not None and self.is_approver(resource, account, requester=requester):
            return YES
        return Verdict(
            "not_yours",
            "Only the person whose access it is, an approver or an admin can end it.",
            f"These can: {spoken(self.operators(resource))}.",
        )

    def operators(self, resource: Resource | None) -> tuple[Principal, ...]:
        """Who does by hand what no program can: its approvers, and the admins."""
        return (resource.approvers if resource else ()) + self.admins

    def may_operate(
        self, resource: Resource | None, account: Account, *, requester: Account
    ) -> Verdict:
        """Who may say that something was done by hand: approvers and admins, for others only.

        Codes of a no: `not_member`, `own_request`, `not_operator`.
        """
        if account.standing is not Standing.MEMBER:
            return not_a_member(account)
        operators = self.operators(resource)
        if account.is_same_person(requester):
            return Verdict(
                "own_request",
                "Nobody does this for their own access.",
                f"Somebody else can: {spoken(operators)}.",
            )
        if any(matches(one, account, requester=requester) for one in operators):
            return YES
        return Verdict(
            "not_operator",
            "You are not among those who do this by hand.",
            f"These are: {spoken(operators)}.",
        )

    def may_audit(self, resource: Resource | None, account: Account) -> Verdict:
        """Who may read everybody's history of a resource: its approvers and admins.

        Codes of a no: `not_member`, `not_auditor`. One's own history is always open.
        """
        if account.standing is not Standing.MEMBER:
            return not_a_member(account)
        if self.is_admin(account):
            return YES
        if resource is not None and self.is_approver(resource, account):
            return YES
        return Verdict(
            "not_auditor",
            "Only approvers of a resource and admins can see the history of others.",
            "See /access audit for your own.",
        )

    def requestable_by(self, account: Account) -> tuple[Resource, ...]:
        """What this person may ask for, by name."""
        return tuple(r for r in self._sorted() if self.may_request(r, account))

    def visible_to(self, account: Account) -> tuple[Resource, ...]:
        """What this person may ask for, decide on or (as admin) look after, by name."""
        admin = self.is_admin(account)
        return tuple(
            r
            for r in self._sorted()
            if admin or self.may_request(r, account) or self.is_approver(r, account)
        )

    def approver_mentions(self, resource: Resource) -> tuple[Principal, ...]:
        """Whom to mention once on the card, each once, in the order of the file."""
        return resource.approvers

    def user_groups(self) -> frozenset[str]:
        """Every Slack user group that is named anywhere: ids (`S…`) and handles (`@dba`)."""
        kinds = {PrincipalKind.USER_GROUP, PrincipalKind.HANDLE}
        return frozenset(str(p) for p in self._principals() if p.kind in kinds)

    def names_of(self, account: Account) -> Mapping[str, str]:
        """What `people:` says of this person: adapter kinds or provider names to names there."""
        by_email = self.people.get(account.email.casefold(), {}) if account.email else {}
        return {**by_email, **self.people.get(account.user, {})}

    def _sorted(self) -> list[Resource]:
        return [self.resources[name] for name in sorted(self.resources)]

    def _principals(self) -> Iterable[Principal]:
        yield from self.admins
        for members in self.groups.values():
            yield from members
        for resource in self.resources.values():
            yield from resource.requesters
            yield from resource.approvers
