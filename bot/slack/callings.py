"""How people are called: mentions for those who are wanted, names for those who are spoken of."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeVar

from markupsafe import Markup

from bot.domain.people import Account
from bot.domain.principal import Principal, PrincipalKind
from bot.engine.ports import Directory, DirectoryError
from bot.slack.text import USER, escaped, inline, mention

T = TypeVar("T")
GroupOf = Callable[[str], Awaitable[str | None]]
"""The id of the user group with a handle (without the `@`), None when there is none."""

MOST: Final = 10
"""More people than this are not called one by one."""
NAME: Final = 60
K = PrincipalKind


async def no_group(handle: str) -> None:
    """Where no user groups can be looked up: handles stay words."""
    del handle


class Callings:
    """Looks people up for words. When Slack cannot say, the word of the policy stands instead."""

    def __init__(self, directory: Directory, group_of: GroupOf = no_group) -> None:
        """Stateless: the directory keeps what it saw."""
        self._directory = directory
        self._group_of = group_of

    async def mentions(
        self, principals: Iterable[Principal], *, requester: str | None = None
    ) -> Markup:
        """Markup that notifies these people, each once. `requester` is whose manager is meant.

        The requester is never among them.
        """
        wanted = list(dict.fromkeys(principals))
        called = await asyncio.gather(
            *(self._call(principal, requester) for principal in wanted[:MOST])
        )
        own = mention(requester) if requester else None
        kept = [one for one in dict.fromkeys(called) if one and one != own]
        if len(wanted) > MOST:
            kept.append(Markup("and others"))
        return Markup(", ").join(kept)

    async def names(self, users: Iterable[str]) -> Mapping[str, Markup]:
        """Names, escaped, by user id; a mention where the name is not known."""
        wanted = sorted({user for user in users if USER.fullmatch(user)})
        accounts = await asyncio.gather(*(self._known(user) for user in wanted))
        return {
            user: escaped(inline(account.name, NAME)) if account and account.name else mention(user)
            for user, account in zip(wanted, accounts, strict=True)
        }

    async def _call(self, principal: Principal, requester: str | None) -> Markup | None:
        match principal.kind:
            case K.USER | K.USER_GROUP:
                return mention(principal.value)
            case K.HANDLE:
                group = await _looked_up(self._group_of(principal.value))
                return mention(group) if group else escaped(str(principal))
            case K.EMAIL:
                found = await _looked_up(self._directory.find(principal.value))
                return mention(found.user) if found else escaped(principal.value)
            case K.MANAGER:
                return await self._manager(requester)
            case K.ANYONE:
                return Markup("any full member")
            case _:
                return escaped(str(principal))

    async def _manager(self, requester: str | None) -> Markup | None:
        account = await self._known(requester) if requester else None
        named = account.manager if account else None
        if not named:
            return Markup("their manager")
        if USER.fullmatch(named):
            return mention(named)
        found = await _looked_up(self._directory.find(named))
        return mention(found.user) if found else escaped(inline(named, NAME))

    async def _known(self, user: str) -> Account | None:
        return await _looked_up(self._directory.account(user))


async def _looked_up(look: Awaitable[T | None]) -> T | None:
    try:
        return await look
    except DirectoryError:
        return None
