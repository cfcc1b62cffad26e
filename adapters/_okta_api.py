"""Okta's API as far as memberships need it: who is who, and who is in which group."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters import _http as http
from adapters._http import Http, Reply
from adapters._okta_login import ApiToken, SignedClient, wait
from adapters.base import RefusedError, UnreachableError

REMEMBERED = 1000
"""Names of which the id is kept in memory."""

_NEXT = re.compile(r'<([^>]*)>;\s*rel="next"')

_NO_NAMES = {"me", ".", ".."}
"""What a path would mean instead of a login."""


@dataclass(frozen=True, slots=True)
class User:
    """One of Okta's people."""

    id: str
    login: str
    email: str
    status: str


@dataclass(frozen=True, slots=True)
class Group:
    """One of Okta's groups; `type` says who decides on its members."""

    id: str
    name: str
    type: str


class OktaApi:
    """Every call with the bot's own token, errors in the contract's words."""

    def __init__(self, address: str, login: ApiToken | SignedClient, *, size: int) -> None:
        self._http = Http(address, size=size)
        self._login = login
        self._ids: dict[str, str] = {}

    async def aclose(self) -> None:
        await self._http.aclose()

    # --- people -------------------------------------------------------------------------------

    async def user(self, name: str) -> User | None:
        """Who has this login, this id, or else alone this e-mail; None for nobody."""
        found = await self._user(name)
        if found is not None:
            if len(self._ids) >= REMEMBERED:
                self._ids.clear()
            self._ids[name] = found.id
        return found

    async def memberships(self, name: str) -> AsyncIterator[Group]:
        """The groups that the person is in; none for nobody."""
        found, reply = await self._about(name, "GET", "/groups")
        if found is None or reply is None:
            return
        while True:
            for group in reply.body:
                yield _group(group)
            following = self._next(reply)
            if following is None:
                return
            reply = await self._ask("GET", following)
            _expect(reply)

    # --- groups -------------------------------------------------------------------------------

    async def group(self, group_id: str) -> Group | None:
        reply = await self._ask("GET", f"/api/v1/groups/{group_id}")
        if reply.status == http.NOT_FOUND:
            return None
        return _group(_expect(reply).body)

    async def may_read(self) -> list[str]:
        """Which of people and groups may not be read, by the names of their permissions."""
        missing = []
        for what in ("users", "groups"):
            reply = await self._ask("GET", f"/api/v1/{what}?limit=1")
            if reply.status == http.FORBIDDEN:
                missing.append(f"okta.{what}.read")
            else:
                _expect(reply)
        return missing

    async def add(self, group_id: str, user: User) -> bool:
        """Into the group; False where there is no such group any more. A member stays one."""
        reply = await self._ask("PUT", f"/api/v1/groups/{group_id}/users/{user.id}")
        return reply.status != http.NOT_FOUND and _expect(reply).is_ok

    async def remove(self, group_id: str, name: str) -> None:
        """Out of the group; who or what is not there needs no removing."""
        for _ in range(2):
            known = name in self._ids
            user_id = await self._id(name)
            if user_id is None:
                return
            reply = await self._ask("DELETE", f"/api/v1/groups/{group_id}/users/{user_id}")
            if reply.status != http.NOT_FOUND:
                _expect(reply)
                return
            self._ids.pop(name, None)
            if not known:
                return

    # --- one call -----------------------------------------------------------------------------

    async def _about(self, name: str, method: str, tail: str) -> tuple[str | None, Reply | None]:
        """The answer about one person; a remembered id that is no more is looked up again."""
        for _ in range(2):
            user_id = await self._id(name)
            if user_id is None:
                return None, None
            reply = await self._ask(method, f"/api/v1/users/{user_id}{tail}")
            if reply.status != http.NOT_FOUND:
                return user_id, _expect(reply)
            self._ids.pop(name, None)
        return None, None

    async def _id(self, name: str) -> str | None:
        if name in self._ids:
            return self._ids[name]
        found = await self.user(name)
        return found.id if found else None

    async def _user(self, name: str) -> User | None:
        if name in _NO_NAMES or not name:
            return None
        if "/" in name:  # Okta's paths have no room for it
            found = await self._matching("filter", "profile.login", name)
            return found[0] if len(found) == 1 else None
        reply = await self._ask("GET", f"/api/v1/users/{quote(name, safe='')}")
        if reply.status != http.NOT_FOUND:
            user = _user(_expect(reply).body)
            # a path finds a login without its accents too: that may be somebody else
            if name == user.id or name.casefold() == user.login.casefold():
                return user
        if "@" not in name:
            return None
        alike = await self._matching("search", "profile.email", name)
        same = [user for user in alike if user.email.casefold() == name.casefold()]
        if len(same) > 1:
            raise RefusedError(
                f"Okta has {len(same)} people with the e-mail {name}:"
                " say in the policy's people: block which login it is."
            )
        return same[0] if same else None

    async def _matching(self, kind: str, field: str, value: str) -> list[User]:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        query = quote(f'{field} eq "{escaped}"', safe="")
        reply = await self._ask("GET", f"/api/v1/users?{kind}={query}&limit=10")
        return [_user(user) for user in _expect(reply).body]

    async def _ask(self, method: str, path: str) -> Reply:
        reply = await self._send(method, path)
        if reply.status == http.UNAUTHORIZED and self._login.refused():
            return await self._send(method, path)
        return reply

    async def _send(self, method: str, path: str) -> Reply:
        header = {"Authorization": await self._login.header(self._http)}
        return await self._http.send(method, path, headers=header)

    def _next(self, reply: Reply) -> str | None:
        """The path of the page after this one; a link to another place is not followed."""
        found = _NEXT.search(reply.header("Link"))
        if found is None or not found[1].startswith(f"{self._http.address}/"):
            return None
        return found[1].removeprefix(self._http.address)


def _expect(reply: Reply) -> Reply:
    """The reply when it is good, else its error."""
    if reply.is_ok:
        return reply
    body = reply.body if isinstance(reply.body, dict) else {}
    said = str(body.get("errorSummary") or f"status {reply.status}").rstrip(".")
    if reply.status == http.CROWDED:
        raise UnreachableError(f"Okta is asked too often: {said}", retry_after=wait(reply))
    if reply.status == http.UNAUTHORIZED:
        raise RefusedError(f"Okta does not accept our token ({said}): give the provider a new one.")
    if reply.status == http.FORBIDDEN:
        raise RefusedError(f"Okta forbids it ({said}): see the least rights in the docs of okta.")
    raise RefusedError(f"Okta refuses: {said}.")


def _user(body: Any) -> User:  # noqa: ANN401 - JSON
    profile = body.get("profile", {})
    return User(
        id=str(body["id"]),
        login=str(profile.get("login", "")),
        email=str(profile.get("email", "")),
        status=str(body.get("status", "")),
    )


def _group(body: Any) -> Group:  # noqa: ANN401 - JSON
    name = str(body.get("profile", {}).get("name", ""))
    return Group(id=str(body["id"]), name=name, type=str(body.get("type", "")))
