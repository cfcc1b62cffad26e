"""A Kubernetes API server as far as RBAC and service accounts go, in memory.

Written from Kubernetes' public API description and sources. Strict: paths, verbs, fields, names,
versions, RBAC for every call, no role bound that the caller may not bind, tokens that die with
their time, their account and the object that they are bound to. Deleting is at once, without
finalizers; `access.cache` makes good tokens be believed for a while, as real servers do.

    python -m sandbox.providers.kubernetes
"""

from __future__ import annotations

import asyncio
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from sandbox.providers._house import Answer, House, serve
from sandbox.providers._kubernetes_access import Access, Want, Who
from sandbox.providers._kubernetes_forms import KINDS, RBAC, Json, checked, failure
from sandbox.providers._kubernetes_store import Store

if TYPE_CHECKING:
    from aiohttp import web

BOT = "curfew-bot"
PAGE = 2
"""Objects of a list on one page, whatever is asked for: every client has to follow."""

_REVIEW = ("authorization.k8s.io", "selfsubjectaccessreviews")
_ATTRIBUTES = {"namespace", "verb", "group", "version", "resource", "subresource", "name"}

LEAST = {
    "everywhere": [
        {
            "apiGroups": [RBAC],
            "resources": ["rolebindings", "clusterrolebindings"],
            "verbs": ["create", "get", "update", "delete", "list"],
        },
        {"apiGroups": [RBAC], "resources": ["roles", "clusterroles"], "verbs": ["get", "bind"]},
    ],
    "accounts": [
        {
            "apiGroups": [""],
            "resources": ["serviceaccounts"],
            "verbs": ["create", "get", "delete", "list"],
        },
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete"]},
    ],
}
"""What the bot needs; docs/adapters/kubernetes.md narrows `bind` to named roles."""


class KubernetesStandIn(House):
    """One cluster with the bot's own account. `store` and `access` are its memory."""

    def __init__(self, *, port: int = 0) -> None:
        """With the namespaces `curfew` and `orders`, and two roles in the latter."""
        super().__init__(port=port)
        self.store = Store(self.now)
        self.access = Access(self.store, self.now)
        for namespace in ("curfew", "orders"):
            self.store.add("namespaces", {"metadata": {"name": namespace}})
        for name, verbs in (("reader", ["get", "list"]), ("writer", ["get", "create", "delete"])):
            rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}
            role = {"metadata": {"name": name}, "rules": [rule]}
            self.store.add("roles", role, "orders")
            self.store.add("clusterroles", role)
        self.bot_token = self._bot()

    def _bot(self) -> str:
        self.store.add("serviceaccounts", {"metadata": {"name": BOT}}, "curfew")
        subject = {"kind": "ServiceAccount", "name": BOT, "namespace": "curfew"}
        for resource, place, name in (
            ("clusterroles", "", "everywhere"),
            ("roles", "curfew", "accounts"),
        ):
            body = {"metadata": {"name": f"{BOT}-{name}"}, "rules": deepcopy(LEAST[name])}
            kind = KINDS[resource].kind
            reference = {"apiGroup": RBAC, "kind": kind, "name": f"{BOT}-{name}"}
            self.store.add(resource, body, place)
            bindings = "rolebindings" if place else "clusterrolebindings"
            bound = {"metadata": {"name": BOT}, "roleRef": reference, "subjects": [subject]}
            self.store.add(bindings, bound, place)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        body["spec"] = {"expirationSeconds": 10 * 365 * 86400}
        return str(self.access.request_token("curfew", BOT, body)["status"]["token"])

    # --- answering ----------------------------------------------------------------------------

    async def answer(self, request: web.Request, body: Any) -> object:  # noqa: ANN401 - JSON
        """One call of the API."""
        who = self.access.who(request.headers.get("Authorization", ""))
        if body is not None and request.content_type != "application/json":
            raise failure(415, "UnsupportedMediaType", "the body must be application/json")
        parts = request.path.strip("/").split("/")
        if parts == ["apis", _REVIEW[0], "v1", _REVIEW[1]] and request.method == "POST":
            raise Answer(201, self._reviewed(who, body))
        group, namespace, resource, name, sub = _parsed(parts)
        if resource not in KINDS or KINDS[resource].group != group:
            raise failure(404, "NotFound", "the server could not find the requested resource")
        if sub and (resource, sub) != ("serviceaccounts", "token"):
            raise failure(404, "NotFound", "the server could not find the requested resource")
        verb = _verb(request.method, name, sub)
        wanted = f"{resource}/{sub}" if sub else resource
        self.access.needs(who, Want(verb, group, wanted, namespace, name))
        if verb == "list":
            return self._listed(request, resource, namespace)
        if bool(namespace) != KINDS[resource].namespaced:
            raise failure(405, "MethodNotAllowed", "the server does not allow this method")
        return self._done(who, verb, (resource, namespace, name, sub), body)

    def _done(self, who: Who, verb: str, place: tuple[str, str, str, str], body: Any) -> object:  # noqa: ANN401 - JSON
        resource, namespace, name, sub = place
        if sub:
            raise Answer(201, self.access.request_token(namespace, name, body))
        if verb == "get":
            return self.store.get(resource, namespace, name)
        if verb == "delete":
            found = self.store.delete(resource, namespace, name)
            status = {"kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {}}
            return found if resource == "serviceaccounts" else status
        if "bindings" in resource and isinstance(body, dict) and "roleRef" in body:
            self._may_bind(who, resource, namespace, body)
        if verb == "create":
            raise Answer(201, self.store.create(resource, namespace, body))
        return self.store.replace(resource, namespace, name, body)

    def _may_bind(self, who: Who, resource: str, namespace: str, body: Json) -> None:
        checked(resource, namespace, body)
        self.access.may_bind(who, body["roleRef"], namespace)

    def _listed(self, request: web.Request, resource: str, namespace: str) -> Json:
        if set(request.query) - {"labelSelector", "limit", "continue"}:
            raise failure(400, "BadRequest", "a parameter that the stand-in does not know")
        found = self.store.chosen(resource, namespace, request.query.get("labelSelector", ""))
        start = int(request.query.get("continue", "0"))
        size = PAGE if "limit" in request.query else len(found)
        rest = len(found) - start - size
        more = {"continue": str(start + size), "remainingItemCount": rest} if rest > 0 else {}
        kind = KINDS[resource]
        return {
            "kind": f"{kind.kind}List",
            "apiVersion": kind.version,
            "metadata": {"resourceVersion": "1", **more},
            "items": found[start : start + size] if size else [],
        }

    def _reviewed(self, who: Who, body: Any) -> Json:  # noqa: ANN401 - JSON
        spec = body.get("spec") if isinstance(body, dict) else None
        attributes = (spec or {}).get("resourceAttributes")
        if not isinstance(attributes, dict) or set(attributes) - _ATTRIBUTES:
            raise failure(422, "Invalid", "spec.resourceAttributes: Invalid value")
        resource = str(attributes.get("resource", ""))
        if sub := attributes.get("subresource"):
            resource = f"{resource}/{sub}"
        want = Want(
            str(attributes.get("verb", "")),
            str(attributes.get("group", "")),
            resource,
            str(attributes.get("namespace", "")),
            str(attributes.get("name", "")),
        )
        return {**body, "status": {"allowed": self.access.may(who, want)}}

    def crowded(self) -> Answer:
        message = "too many requests, please try again later"
        return failure(429, "TooManyRequests", message, {"Retry-After": "3"})

    def malformed(self) -> Answer:
        return failure(400, "BadRequest", "the body is no JSON")


def _parsed(parts: list[str]) -> tuple[str, str, str, str, str]:
    """Group, namespace, resource, name, subresource."""
    if parts[:2] == ["api", "v1"]:
        group, rest = "", parts[2:]
    elif parts[:1] == ["apis"] and parts[2:3] == ["v1"]:
        group, rest = parts[1], parts[3:]
    else:
        raise failure(404, "NotFound", "the server could not find the requested resource")
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:  # noqa: PLR2004 - namespaces/NAME/RESOURCE
        namespace, rest = rest[1], rest[2:]
    if not 1 <= len(rest) <= 3 or not all(rest):  # noqa: PLR2004 - RESOURCE/NAME/SUBRESOURCE
        raise failure(404, "NotFound", "the server could not find the requested resource")
    resource, name, sub = [*rest, "", ""][:3]
    return group, namespace, resource, name, sub


def _verb(method: str, name: str, sub: str) -> str:
    verbs = {
        ("GET", True, False): "get",
        ("GET", False, False): "list",
        ("POST", False, False): "create",
        ("POST", True, True): "create",
        ("PUT", True, False): "update",
        ("DELETE", True, False): "delete",
    }
    verb = verbs.get((method, bool(name), bool(sub)))
    if verb is None:
        raise failure(405, "MethodNotAllowed", "the server does not allow this method")
    return verb


async def main() -> None:
    """One cluster with the bot's account."""
    house = KubernetesStandIn(port=int(sys.argv[1]) if sys.argv[1:] else 8791)
    dana = house.access.sign_in("dana@example.com")
    await serve(
        house,
        lambda: [
            f"Kubernetes: {house.url}",
            f"token of the bot: {house.bot_token}",
            f"token of dana@example.com: {dana}",
            "roles in the namespace orders, and cluster roles: reader, writer",
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
