"""Okta as far as group memberships go, in memory: people, groups, rules, tokens, applications.

Written from Okta's public API description. Strict: only the documented paths and verbs, the right
token with the right permissions, and memberships of Okta's own groups only. What the real Okta
answers beyond its documentation was never seen.

    python -m sandbox.providers.okta
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from sandbox.providers._house import Answer, House, random_id, serve
from sandbox.providers._okta_errors import refusal
from sandbox.providers._okta_people import Directory, Group, User
from sandbox.providers._okta_tokens import Admin, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

PAGE = 2
"""Groups of a person on one page: few, so that every client has to follow the links."""

LIMIT = 600
"""Calls a minute that the headers speak of."""

_FILTER = re.compile(r'^profile\.(login|email) eq "((?:[^"\\]|\\.)*)"$')

Route: TypeAlias = "tuple[tuple[str, ...], str, Callable[..., object]]"
"""The permissions and the scope that are needed, and what then happens."""

MEMBERSHIP = ("okta.groups.members.manage", "okta.users.groupMembership.manage")
PERMISSIONS = ("okta.users.read", "okta.groups.read", *MEMBERSHIP)
SCOPES = ("okta.users.read", "okta.groups.read", "okta.groups.manage")


class OktaStandIn(House):
    """One organisation. `people` and `tokens` are its memory, to look at and to change."""

    def __init__(self, *, port: int = 0) -> None:
        """Empty: people, groups and tokens are added by whoever starts it."""
        super().__init__(port=port)
        self.people = Directory()
        self.tokens = Tokens(self.now)

    # --- answering ----------------------------------------------------------------------------

    async def answer(self, request: web.Request, body: Any) -> object:  # noqa: ANN401 - JSON
        """One call of the API."""
        raw = request.raw_path.partition("?")[0]
        parts = [unquote(part) for part in raw.split("/")[1:]]
        if parts[:2] == ["oauth2", "v1"]:
            return await self._oauth(request, parts[2:])
        if parts[:2] != ["api", "v1"]:
            raise refusal(404)
        admin = self._admin(request)
        if body is not None:
            raise refusal(400)  # none of these takes one
        for pattern, verbs in self._routes().items():
            found = _matched(pattern, parts[2:])
            if found is None:
                continue
            if request.method not in verbs:
                raise refusal(405)
            permissions, scope, act = verbs[request.method]
            admin.needs(permissions, scope)
            return act(admin, request, *found)
        raise refusal(404)

    def crowded(self) -> Answer:
        reset = int(self.now().timestamp()) + 30
        return refusal(429, {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(reset)})

    def malformed(self) -> Answer:
        return refusal(400)

    def common_headers(self) -> Mapping[str, str]:
        """As on every answer of Okta's."""
        reset = int(self.now().timestamp()) // 60 * 60 + 60
        return {
            "X-Okta-Request-Id": random_id(20),
            "X-Rate-Limit-Limit": str(LIMIT),
            "X-Rate-Limit-Remaining": str(LIMIT - 1),
            "X-Rate-Limit-Reset": str(reset),
        }

    def _routes(self) -> Mapping[str, Mapping[str, Route]]:
        read = ("okta.users.read",)
        groups = ("okta.groups.read",)
        member = "groups/{}/users/{}"
        manage = "okta.groups.manage"
        return {
            "users": {"GET": (read, "okta.users.read", self._users)},
            "users/{}": {"GET": (read, "okta.users.read", self._user)},
            "users/{}/groups": {"GET": (read, "okta.users.read", self._groups_of)},
            "groups": {"GET": (groups, "okta.groups.read", self._groups)},
            "groups/{}": {"GET": (groups, "okta.groups.read", self._group)},
            "groups/{}/users": {"GET": (groups, "okta.groups.read", self._members)},
            member: {
                "PUT": (MEMBERSHIP, manage, self._join),
                "DELETE": (MEMBERSHIP, manage, self._leave),
            },
        }

    def _admin(self, request: web.Request) -> Admin:
        admin = self.tokens.admin(request.headers.get("Authorization", ""))
        if admin is None:
            raise refusal(401)
        return admin

    # --- people -------------------------------------------------------------------------------

    def _users(self, admin: Admin, request: web.Request) -> object:
        del admin
        query = request.query
        if set(query) - {"filter", "search", "limit", "after"}:
            raise refusal(400)
        found = list(self.people.users.values())
        if text := query.get("filter") or query.get("search"):
            matched = _FILTER.match(text)
            if matched is None:
                raise refusal(400)
            value = re.sub(r"\\(.)", r"\1", matched[2])
            fold = str.casefold if "search" in query else str
            found = [user for user in found if fold(getattr(user, matched[1])) == fold(value)]
        return [self._shown(user) for user in found[: int(query.get("limit", "200"))]]

    def _user(self, admin: Admin, request: web.Request, name: str) -> object:
        del request
        return self._shown(self._found(name if name != "me" else admin.user))

    def _groups_of(self, admin: Admin, request: web.Request, name: str) -> object:
        user = self.people.users.get(name)
        if user is None:
            raise refusal(404)
        mine = [group for group in self.people.groups.values() if user.id in group.members]
        seen = [group for group in mine if admin.sees(group.id)]
        after = request.query.get("after", "")
        rest = [group for group in seen if group.id > after] if after else seen
        rest.sort(key=lambda group: group.id)
        page, more = rest[:PAGE], rest[PAGE:]
        links = [f'<{self.url}{request.path_qs}>; rel="self"']
        if more:
            links.append(f'<{self.url}{request.path}?after={page[-1].id}>; rel="next"')
        raise Answer(200, [self._shown_group(each) for each in page], {"Link": ", ".join(links)})

    def _found(self, name: str) -> User:
        user = self.people.find(name)
        if user is None:
            raise refusal(404)
        return user

    # --- groups -------------------------------------------------------------------------------

    def _groups(self, admin: Admin, request: web.Request) -> object:
        if set(request.query) - {"limit", "after"}:
            raise refusal(400)
        seen = [group for group in self.people.groups.values() if admin.sees(group.id)]
        limit = int(request.query.get("limit", "200"))
        return [self._shown_group(group) for group in seen[:limit]]

    def _group(self, admin: Admin, request: web.Request, group_id: str) -> object:
        del request
        return self._shown_group(self._seen(admin, group_id))

    def _members(self, admin: Admin, request: web.Request, group_id: str) -> object:
        del request
        members = self._seen(admin, group_id).members
        return [self._shown(self.people.users[each]) for each in sorted(members)]

    def _join(self, admin: Admin, request: web.Request, group_id: str, user_id: str) -> object:
        del request
        group, user = self._changed(admin, group_id, user_id)
        if user.status == "DEPROVISIONED":
            raise refusal(403)
        group.members.add(user.id)
        raise Answer(204)

    def _leave(self, admin: Admin, request: web.Request, group_id: str, user_id: str) -> object:
        del request
        group, user = self._changed(admin, group_id, user_id)
        group.members.discard(user.id)
        if group.rule is not None and user.id in group.rule.members:
            group.rule.excluded.add(user.id)
        raise Answer(204)

    def _changed(self, admin: Admin, group_id: str, user_id: str) -> tuple[Group, User]:
        group = self._seen(admin, group_id)
        user = self.people.users.get(user_id)
        if user is None:
            raise refusal(404)
        if group.type != "OKTA_GROUP":
            raise refusal(403)
        return group, user

    def _seen(self, admin: Admin, group_id: str) -> Group:
        group = self.people.groups.get(group_id)
        if group is None or not admin.sees(group_id):
            raise refusal(404)
        return group

    # --- tokens -------------------------------------------------------------------------------

    async def _oauth(self, request: web.Request, parts: list[str]) -> object:
        if (request.method, parts) == ("POST", ["token"]):
            form = {key: str(value) for key, value in (await request.post()).items()}
            return self.tokens.exchange(form, f"{self.url}/oauth2/v1/token")
        if (request.method, parts) == ("GET", ["userinfo"]):
            user_id = self.tokens.person(request.headers.get("Authorization", ""))
            user = self.people.users.get(user_id or "")
            if user is None or user.status not in {"ACTIVE", "PASSWORD_EXPIRED", "RECOVERY"}:
                raise Answer(401, None, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
            groups = [g.name for g in self.people.groups.values() if user.id in g.members]
            return {"sub": user.id, "preferred_username": user.login, "groups": sorted(groups)}
        raise refusal(404)

    # --- shapes -------------------------------------------------------------------------------

    def _shown(self, user: User) -> object:
        return {
            "id": user.id,
            "status": user.status,
            "profile": {"login": user.login, "email": user.email},
            "_links": {"self": {"href": f"{self.url}/api/v1/users/{user.id}"}},
        }

    def _shown_group(self, group: Group) -> object:
        return {
            "id": group.id,
            "type": group.type,
            "objectClass": ["okta:user_group"],
            "profile": {"name": group.name, "description": None},
        }


def _matched(pattern: str, parts: list[str]) -> list[str] | None:
    wanted = pattern.split("/")
    if len(wanted) != len(parts):
        return None
    pairs = list(zip(wanted, parts, strict=True))
    if any(want not in ("{}", part) or not part for want, part in pairs):
        return None
    return [part for want, part in pairs if want == "{}"]


async def main() -> None:
    """One organisation with two people and two groups."""
    house = OktaStandIn(port=int(sys.argv[1]) if sys.argv[1:] else 8790)
    dana = house.people.hire("dana@example.com")
    group = house.people.found("orders-oncall")
    imported = house.people.found("imported", kind="APP_GROUP")
    token = house.tokens.administrator(dana.id, PERMISSIONS)
    await serve(
        house,
        lambda: [
            f"Okta: {house.url}",
            f"token: {token}",
            f"dana@example.com is {dana.id}",
            f"group {group.name}: {group.id}",
            f"group {imported.name}, of type APP_GROUP: {imported.id}",
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
