"""Who is who in the workspace: Slack's accounts, user groups and managers, a minute old at most.

Rules kept here: when Slack cannot say, nobody may (`DirectoryError`); Slack is asked only for what
the policy names; a look takes two seconds at most, because somebody waits for the ack.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from pydantic import ValidationError
from slack_sdk.errors import SlackApiError

from bot.domain.people import Account
from bot.domain.principal import PrincipalKind
from bot.engine.ports import DirectoryError
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.looks import Looks
from bot.slack.standing import USER_ID, Facts, User, facts_of, stranger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.domain.policy import Policy
    from bot.domain.principal import Principal
    from bot.engine.ports import PolicySource
    from bot.slack.workspace import Workspace

UNKNOWN_USER: Final = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
NO_GROUPS: Final = frozenset({"plan_upgrade_required", "paid_teams_only"})
"""Free workspaces have no user groups: an answer, not a failure."""

WARM_EVERY: Final = 20.0
"""Seconds between looks at the user groups: half of what makes one old."""

MANAGER_LABEL: Final = "manager"
ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Group:
    """One user group: its handle without the `@`, and the ids of its members."""

    handle: str
    members: frozenset[str]


class People:
    """The engine's directory. `warm` keeps it from ever being asked cold."""

    def __init__(
        self,
        client: AsyncWebClient,
        workspace: Workspace,
        policies: PolicySource,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Calls nothing. `now` is in seconds and never goes back."""
        self._client = client
        self._workspace = workspace
        self._policies = policies
        self._accounts: Looks[str, Facts] = Looks(self._look_at_user, now=now)
        self._addresses: Looks[str, str | None] = Looks(self._look_for_address, now=now)
        self._managers: Looks[str, str | None] = Looks(self._look_for_manager, now=now)
        self._groups: Looks[None, Mapping[str, Group]] = Looks(self._look_at_groups, now=now)
        self._fields: Looks[None, str | None] = Looks(self._look_for_field, now=now)

    # --- what the engine asks -----------------------------------------------------------------

    async def account(self, user: str) -> Account:
        """The person behind an id. Raises `DirectoryError` when Slack cannot say."""
        if USER_ID.fullmatch(user) is None:
            return _account(stranger(user))
        policy = self._policies.current
        facts, groups, manager = await asyncio.gather(
            self._accounts.get(user), self._groups_of(user, policy), self._manager_of(user, policy)
        )
        return _account(facts, groups, manager)

    async def find(self, email: str) -> Account | None:
        """The member with this address. Raises `DirectoryError`."""
        user = await self._addresses.get(email.strip().casefold())
        return None if user is None else await self.account(user)

    async def group_of(self, handle: str) -> str | None:
        """The id of the user group with this handle (no `@`). Raises `DirectoryError`."""
        wanted = handle.casefold()
        groups = await self._groups.get(None)
        return next((key for key, group in groups.items() if group.handle == wanted), None)

    async def members(self, word: Principal) -> frozenset[str] | None:
        """The ids of a user group's members, None where there is no such group. As above."""
        groups = await self._groups.get(None)
        if word.kind is PrincipalKind.USER_GROUP:
            found = groups.get(word.value)
        else:
            found = next((one for one in groups.values() if one.handle == word.value), None)
        return None if found is None else found.members

    # --- for words ----------------------------------------------------------------------------

    def spoken(self, principal: str) -> str:
        """A person's name or a group's handle for an id, as far as known; else the id itself."""
        facts = self._accounts.known(principal)
        if facts is not None and facts.name:
            return facts.name
        group = (self._groups.known(None) or {}).get(principal)
        return principal if group is None else f"@{group.handle}"

    # --- life ---------------------------------------------------------------------------------

    async def warm(self) -> None:
        """Keep the groups young until cancelled."""
        while True:
            if self._policies.current.user_groups():
                self._groups.renew(None)
            await asyncio.sleep(WARM_EVERY)

    async def close(self) -> None:
        """End the looks that are under way."""
        for looks in (self._accounts, self._addresses, self._managers, self._groups, self._fields):
            await looks.close()

    # --- accounts -----------------------------------------------------------------------------

    async def _look_at_user(self, user: str) -> Facts:
        own = await self._workspace.identity()
        try:
            said = await self._client.users_info(user=user)
            return facts_of(User.model_validate(said["user"]), own)
        except SlackApiError as error:
            if error_code(error) in UNKNOWN_USER:
                return stranger(user)
            _cannot_say("users.info", error)
        except (*WIRE_ERRORS, ValidationError, KeyError) as error:
            _cannot_say("users.info", error)

    async def _look_for_address(self, email: str) -> str | None:
        try:
            said = await self._client.users_lookupByEmail(email=email)
            return str(said["user"]["id"])
        except SlackApiError as error:
            if error_code(error) in UNKNOWN_USER:
                return None
            _cannot_say("users.lookupByEmail", error)
        except (*WIRE_ERRORS, KeyError, TypeError) as error:
            _cannot_say("users.lookupByEmail", error)

    # --- groups -------------------------------------------------------------------------------

    async def _groups_of(self, user: str, policy: Policy) -> frozenset[str]:
        named = policy.user_groups()
        if not named:
            return frozenset()
        groups = await self._groups.get(None)
        mine = [(key, group) for key, group in groups.items() if user in group.members]
        words = {word for key, group in mine for word in (key, f"@{group.handle}")}
        return frozenset(word for word in words if word in named)

    async def _look_at_groups(self, _: None) -> Mapping[str, Group]:
        """All enabled groups with their members in one call: two dozen a minute are allowed."""
        try:
            said = await self._client.usergroups_list(include_users=True)
            return {
                str(group["id"]): Group(
                    str(group.get("handle") or "").casefold(), frozenset(group.get("users") or ())
                )
                for group in said["usergroups"]
            }
        except SlackApiError as error:
            if error_code(error) in NO_GROUPS:
                return {}
            _cannot_say("usergroups.list", error)
        except (*WIRE_ERRORS, KeyError, TypeError, AttributeError) as error:
            _cannot_say("usergroups.list", error)

    # --- managers -----------------------------------------------------------------------------

    async def _manager_of(self, user: str, policy: Policy) -> str | None:
        return await self._managers.get(user) if names_manager(policy) else None

    async def _look_for_manager(self, user: str) -> str | None:
        field = await self._fields.get(None)
        if field is None:
            return None
        try:
            said = await self._client.users_profile_get(user=user)
            fields = said["profile"].get("fields") or {}
            value = str((fields.get(field) or {}).get("value") or "")
        except SlackApiError as error:
            if error_code(error) in UNKNOWN_USER:
                return None
            _cannot_say("users.profile.get", error)
        except (*WIRE_ERRORS, KeyError, TypeError, AttributeError) as error:
            _cannot_say("users.profile.get", error)
        # More than one manager is nobody we could name.
        return value if USER_ID.fullmatch(value) or ADDRESS.fullmatch(value) else None

    async def _look_for_field(self, _: None) -> str | None:
        """Which profile field holds the manager: the one that the workspace calls so."""
        try:
            said = await self._client.team_profile_get()
            fields = said["profile"]["fields"]
            named = [one for one in fields if one.get("label", "").casefold() == MANAGER_LABEL]
            return str(named[0]["id"]) if named else None
        except (*WIRE_ERRORS, KeyError, TypeError, AttributeError) as error:
            _cannot_say("team.profile.get", error)


def names_manager(policy: Policy) -> bool:
    """Some resource is decided on by the requester's manager."""
    return any(
        principal.kind is PrincipalKind.MANAGER
        for resource in policy.resources.values()
        for principal in resource.approvers
    )


def _account(
    facts: Facts, groups: frozenset[str] = frozenset(), manager: str | None = None
) -> Account:
    return Account(
        user=facts.user,
        email=facts.email,
        name=facts.name,
        standing=facts.standing,
        groups=groups,
        manager=manager,
        timezone=facts.timezone,
    )


def _cannot_say(method: str, error: Exception) -> NoReturn:
    what = "nonsense" if isinstance(error, LookupError | TypeError) else error_code(error)
    raise DirectoryError(f"{method}: {what}") from None
