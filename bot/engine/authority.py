"""Who may do what to a grant, looked up at the moment of the act. In doubt, no.

Facts about people come from the directory (no older than a minute), rules from the policy in
force. Nothing of it is taken from what the person sent.
"""

import asyncio
from dataclasses import dataclass

from bot.domain.acts import Role
from bot.domain.errors import RefusalError
from bot.domain.grant import Grant
from bot.domain.people import Account
from bot.domain.policy import Policy, Resource
from bot.engine.ports import Directory, DirectoryError, PolicySource

CHANGED = "The rules for {} were changed since this was asked for; please ask again."

NOT_ENTITLED = "The requester may not ask for {} any more, so the request was cancelled."


@dataclass(frozen=True, slots=True)
class Parties:
    """Everybody whom a decision is about, and the rules of now."""

    policy: Policy
    resource: Resource | None
    actor: Account
    requester: Account
    voters: tuple[Account, ...] = ()


class Authority:
    """Asks the directory and the policy."""

    def __init__(self, directory: Directory, policies: PolicySource) -> None:
        """Both are asked anew for each act."""
        self._directory = directory
        self._policies = policies

    @property
    def policy(self) -> Policy:
        return self._policies.current

    async def account(self, user: str) -> Account:
        """Raises `RefusalError` (code `slack_away`) when Slack cannot say who this is."""
        try:
            return await self._directory.account(user)
        except DirectoryError:
            raise RefusalError(
                "slack_away",
                "Slack could not say who you are, so nothing was changed.",
                hint="Try again in a minute.",
            ) from None

    async def parties(self, grant: Grant, user: str) -> Parties:
        """Looks up the actor, the requester and those who voted."""
        voters = grant.extension.votes if grant.extension else grant.votes
        actor, requester, *voted = await asyncio.gather(
            *(self.account(one) for one in (user, grant.requester, *voters))
        )
        policy = self.policy
        resource = policy.resources.get(grant.resource)
        return Parties(policy, resource, actor, requester, tuple(voted))


def standing_rule(grant: Grant, parties: Parties) -> Resource:
    """The resource, when today's rules still say what they said at the asking.

    Otherwise `RefusalError` with code `rule_changed`: what it grants, who decides or for how long
    is another now, or the requester may not ask for it any more.
    """
    resource = parties.resource
    if resource is None or resource.digest != grant.policy_hash:
        raise RefusalError("rule_changed", CHANGED.format(grant.resource))
    if not parties.policy.may_request(resource, parties.requester):
        raise RefusalError("rule_changed", NOT_ENTITLED.format(grant.resource))
    return resource


def require_decider(grant: Grant, parties: Parties) -> None:
    """The actor is an approver by today's policy and membership, and no voter's second self."""
    resource = parties.resource
    if resource is None:
        raise RefusalError("rule_changed", CHANGED.format(grant.resource))
    verdict = parties.policy.may_decide(resource, parties.actor, requester=parties.requester)
    verdict.require()
    for voter in parties.voters:
        if voter.user != parties.actor.user and voter.is_same_person(parties.actor):
            raise RefusalError(
                "voted_already",
                "You have approved this already, with another account.",
                hint="It still needs somebody else's approval.",
            )


def ender_role(parties: Parties) -> Role:
    """In which role the actor ends access early; `RefusalError` for everybody else."""
    policy, actor = parties.policy, parties.actor
    policy.may_end(parties.resource, actor, requester=parties.requester).require()
    if actor.is_same_person(parties.requester):
        return Role.REQUESTER
    resource = parties.resource
    if resource is not None and policy.is_approver(resource, actor, requester=parties.requester):
        return Role.APPROVER
    return Role.ADMIN


def operator_role(parties: Parties) -> Role:
    """In which role the actor does by hand what no program can; never the requester's own."""
    policy, actor, requester = parties.policy, parties.actor, parties.requester
    policy.may_operate(parties.resource, actor, requester=requester).require()
    return Role.ADMIN if policy.is_admin(actor) else Role.APPROVER
