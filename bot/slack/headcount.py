"""Whether there are enough people: approvers counted with the members that user groups have.

`check` counts what the policy lists by itself (`bot.config.people_checks`); this asks Slack for the
rest, by the same rules. Only full members count, as for the act itself. Changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.principal import Principal, PrincipalKind, matches
from bot.engine.ports import DirectoryError
from bot.slack.checks import AWAY_HINT, Finding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bot.domain.people import Account
    from bot.domain.policy import Policy, Resource
    from bot.slack.people import People

GROUPS: Final = {PrincipalKind.USER_GROUP, PrincipalKind.HANDLE}
SHOWN: Final = 3
"""How many people a sentence names."""


async def count_people(people: People, policy: Policy) -> list[Finding]:
    """All that is wrong; empty when all is well. Raises nothing for what Slack says or not."""
    try:
        found = [one async for one in _empty_groups(people, policy)]
        for name in sorted(policy.resources):
            found += await _count(people, policy.resources[name])
    except DirectoryError as error:
        return [Finding("away", f"Approvers cannot be counted: {error}.", AWAY_HINT)]
    return found


async def _empty_groups(people: People, policy: Policy) -> AsyncIterator[Finding]:
    for word in sorted(_group_words(policy), key=str):
        if await people.members(word) == frozenset():
            yield Finding(
                "empty_group",
                f"The user group {word} has no members.",
                "Add people to it in Slack, or name others in the policy.",
                fatal=False,
            )


def _group_words(policy: Policy) -> set[Principal]:
    lists = [policy.admins]
    for resource in policy.resources.values():
        lists += [resource.requesters, resource.approvers]
    return {word for words in lists for word in words if word.kind in GROUPS}


async def _count(people: People, resource: Resource) -> list[Finding]:
    """Are there as many approvers as have to agree, the requester not counted?"""
    need, kinds = resource.approvals, {word.kind for word in resource.approvers}
    if not need or PrincipalKind.ANYONE in kinds:
        return []
    managed = PrincipalKind.MANAGER in kinds
    # One more than needed is enough for everybody who asks.
    approvers = await _some(people, resource.approvers, need + 1)
    if len(approvers) + managed < need:
        return [_too_few(resource, len(approvers) + managed)]
    if managed or len(approvers) > need:
        return []
    stuck = [one for one in approvers if _may_ask(resource, one)]
    return [_stuck(resource, stuck)] if stuck else []


async def _some(people: People, words: Iterable[Principal], enough: int) -> list[Account]:
    """The full members who are meant, as many as are enough at most."""
    found: dict[str, Account] = {}
    for word in words:
        async for account in _meant(people, word):
            if matches(word, account):
                found[account.user] = account
            if len(found) >= enough:
                return list(found.values())
    return list(found.values())


async def _meant(people: People, word: Principal) -> AsyncIterator[Account]:
    if word.kind is PrincipalKind.USER:
        yield await people.account(word.value)
    elif word.kind is PrincipalKind.EMAIL:
        if (account := await people.find(word.value)) is not None:
            yield account
    elif word.kind in GROUPS:
        for user in sorted(await people.members(word) or ()):
            yield await people.account(user)


def _may_ask(resource: Resource, account: Account) -> bool:
    return any(matches(word, account) for word in resource.requesters)


def _too_few(resource: Resource, count: int) -> Finding:
    if not count:
        return Finding(
            "nobody_can_approve",
            f"Nobody can approve {resource.name}: none of its approvers is a full member.",
            "Add approvers, or people to their user group.",
            fatal=False,
        )
    return Finding(
        "too_few_approvers",
        f"{resource.name} asks for {resource.approvals} approvals and has {count}"
        f" approver{'s' if count > 1 else ''} in Slack.",
        "Lower approvals, add approvers, or people to their user group.",
    )


def _stuck(resource: Resource, accounts: list[Account]) -> Finding:
    names = ", ".join(account.name or account.user for account in accounts[:SHOWN])
    if len(accounts) > SHOWN:
        names += f" and {len(accounts) - SHOWN} more"
    return Finding(
        "only_approver",
        f"{names} may ask for {resource.name} and can never get it: nobody approves"
        " their own request, and too few others are approvers.",
        "Add an approver.",
        fatal=False,
    )
