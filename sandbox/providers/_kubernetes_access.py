"""Who somebody is in the stand-in's cluster, and what RBAC lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.providers._kubernetes_forms import RBAC, Json, failure
from sandbox.providers._kubernetes_store import Store, random_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORTEST = 600
LONGEST = 1 << 32


@dataclass(frozen=True, slots=True)
class Who:
    """A caller."""

    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that somebody wants to do."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        where = f' in the namespace "{self.namespace}"' if self.namespace else " at cluster scope"
        return f'{self.verb} resource "{self.resource}" in API group "{self.group}"{where}'


@dataclass(frozen=True, slots=True)
class Token:
    """A service account's: good until its time, and while account and anchor are these."""

    namespace: str
    account: str
    account_uid: str
    anchor: tuple[str, str] | None
    until: datetime


class Access:
    """Tokens and rules."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self.people: dict[str, str] = {}
        self.tokens: dict[str, Token] = {}
        self.cache = timedelta(0)
        self._accepted: dict[str, tuple[Who, datetime]] = {}

    # --- who is that? -------------------------------------------------------------------------

    def sign_in(self, name: str) -> str:
        """A token of a person, as a company's login would give it to the cluster."""
        token = random_token()
        self.people[token] = name
        return token

    def who(self, header: str) -> Who:
        """The caller; 401 for nobody. A good token is believed for `cache` without a look."""
        token = header.removeprefix("Bearer ")
        if token in self.people and header.startswith("Bearer "):
            return Who(self.people[token], frozenset({"system:authenticated"}))
        accepted = self._accepted.get(token)
        if accepted is not None and accepted[1] > self._clock():
            return accepted[0]
        found = self.tokens.get(token)
        if found is None or not self._is_good(found):
            raise failure(401, "Unauthorized", "Unauthorized")
        name = f"system:serviceaccount:{found.namespace}:{found.account}"
        groups = {"system:authenticated", "system:serviceaccounts"}
        who = Who(name, frozenset(groups | {f"system:serviceaccounts:{found.namespace}"}))
        self._accepted[token] = (who, self._clock() + self.cache)
        return who

    def _is_good(self, token: Token) -> bool:
        objects = self._store.objects
        account = objects.get(("serviceaccounts", token.namespace, token.account))
        if token.until <= self._clock() or account is None:
            return False
        if token.anchor is not None:
            name, uid = token.anchor
            anchor = objects.get(("secrets", token.namespace, name))
            if anchor is None or anchor["metadata"]["uid"] != uid:
                return False
        return bool(account["metadata"]["uid"] == token.account_uid)

    def request_token(self, namespace: str, name: str, body: object) -> Json:
        """What POST …/serviceaccounts/NAME/token answers."""
        account = self._store.get("serviceaccounts", namespace, name)
        if not isinstance(body, dict) or set(body) - {"apiVersion", "kind", "spec", "metadata"}:
            raise failure(400, "BadRequest", "the body is no TokenRequest")
        if (body.get("apiVersion"), body.get("kind")) != (
            "authentication.k8s.io/v1",
            "TokenRequest",
        ):
            raise failure(400, "BadRequest", "the object is not a TokenRequest")
        spec = body.get("spec") or {}
        if set(spec) - {"audiences", "expirationSeconds", "boundObjectRef"}:
            raise failure(400, "BadRequest", "strict decoding error: unknown field in spec")
        seconds = spec.get("expirationSeconds", 3600)
        if not isinstance(seconds, int) or not SHORTEST <= seconds <= LONGEST:
            message = "spec.expirationSeconds: Invalid value: may not specify less than 10 minutes"
            raise failure(422, "Invalid", message)
        until = self._clock() + timedelta(seconds=seconds)
        anchor = self._anchor(namespace, spec.get("boundObjectRef"))
        token = random_token()
        self.tokens[token] = Token(namespace, name, account["metadata"]["uid"], anchor, until)
        status = {"token": token, "expirationTimestamp": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
        return {**body, "spec": {**spec, "expirationSeconds": seconds}, "status": status}

    def _anchor(self, namespace: str, reference: Any) -> tuple[str, str] | None:  # noqa: ANN401 - JSON
        if reference is None:
            return None
        if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Secret"):
            raise failure(400, "BadRequest", "cannot bind token to object of that type")
        found = self._store.get("secrets", namespace, reference.get("name", ""))
        uid = str(found["metadata"]["uid"])
        if reference.get("uid") not in (None, uid):
            raise failure(409, "Conflict", "the UID in the bound object reference does not match")
        return str(reference["name"]), uid

    # --- what may they? -----------------------------------------------------------------------

    def needs(self, who: Who, want: Want) -> None:
        """403 where no rule allows it."""
        if not self.may(who, want):
            raise failure(403, "Forbidden", f'User "{who.name}" cannot {want}')

    def may(self, who: Who, want: Want) -> bool:
        return any(_allows(rule, want) for rule in self._rules(who, want.namespace))

    def may_bind(self, who: Who, reference: Json, namespace: str) -> None:
        """403 where the role is more than the caller may hand on."""
        resource = {"Role": "roles", "ClusterRole": "clusterroles"}[reference["kind"]]
        want = Want("bind", RBAC, resource, namespace, reference["name"])
        if not self.may(who, want):
            message = (
                f'user "{who.name}" is attempting to grant RBAC permissions not currently held'
            )
            raise failure(403, "Forbidden", message)

    def _rules(self, who: Who, namespace: str) -> Iterator[Json]:
        places = [("clusterrolebindings", "")]
        if namespace:
            places.append(("rolebindings", namespace))
        for resource, place in places:
            for binding in self._store.chosen(resource, place, ""):
                if any(_is(subject, who) for subject in binding.get("subjects") or ()):
                    yield from self._role(binding["roleRef"], place)

    def _role(self, reference: Json, namespace: str) -> list[Json]:
        if reference["kind"] == "Role":
            key = ("roles", namespace, reference["name"])
        else:
            key = ("clusterroles", "", reference["name"])
        return list((self._store.objects.get(key) or {}).get("rules") or [])


def _is(subject: Json, who: Who) -> bool:
    if subject["kind"] == "ServiceAccount":
        return who.name == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    return bool(
        subject["name"] == who.name if subject["kind"] == "User" else subject["name"] in who.groups
    )


def _allows(rule: Json, want: Want) -> bool:
    def has(key: str, value: str) -> bool:
        return bool({"*", value} & set(rule.get(key) or ()))

    names = rule.get("resourceNames")
    return (
        has("verbs", want.verb)
        and has("apiGroups", want.group)
        and has("resources", want.resource)
        and (not names or want.name in names)
    )
