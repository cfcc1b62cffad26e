"""The objects of the stand-in's cluster: names, forms, versions, owners."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from uuid import uuid4

from sandbox.providers._kubernetes_forms import KINDS, Json, checked, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

Key = tuple[str, str, str]
"""Resource, namespace (empty for none), name."""


class Store:
    """Everything in the cluster."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """`clock` is the house's."""
        self._clock = clock
        self.objects: dict[Key, Json] = {}
        self._version = 0

    def add(self, resource: str, body: Json, namespace: str = "") -> Json:
        """As `create`, for whoever furnishes the cluster."""
        return self.create(resource, namespace, body)

    def get(self, resource: str, namespace: str, name: str) -> Json:
        found = self.objects.get((resource, namespace, name))
        if found is None:
            raise failure(404, "NotFound", f'{_plural(resource)} "{name}" not found')
        return found

    def chosen(self, resource: str, namespace: str, selector: str) -> list[Json]:
        """Of one namespace or, empty, of all of them; by labels."""
        return [
            found
            for (kind, place, _), found in sorted(self.objects.items(), key=lambda pair: pair[0])
            if kind == resource
            and (not namespace or place == namespace)
            and _selects(selector, found["metadata"].get("labels") or {})
        ]

    def create(self, resource: str, namespace: str, body: Json) -> Json:
        name = checked(resource, namespace, body)
        if namespace and ("namespaces", "", namespace) not in self.objects:
            raise failure(404, "NotFound", f'namespaces "{namespace}" not found')
        if (resource, namespace, name) in self.objects:
            raise failure(409, "AlreadyExists", f'{_plural(resource)} "{name}" already exists')
        if "resourceVersion" in body["metadata"]:
            raise failure(
                400, "BadRequest", "resourceVersion should not be set on objects to be made"
            )
        kind = KINDS[resource]
        made = {"apiVersion": kind.version, "kind": kind.kind, **body}
        made["metadata"] = {
            **body["metadata"],
            **({"namespace": namespace} if namespace else {}),
            "uid": str(uuid4()),
            "creationTimestamp": f"{self._clock():%Y-%m-%dT%H:%M:%SZ}",
        }
        self._keep((resource, namespace, name), made)
        return made

    def replace(self, resource: str, namespace: str, name: str, body: Json) -> Json:
        if checked(resource, namespace, body) != name:
            raise failure(400, "BadRequest", "the name of the object does not match the URL")
        old = self.get(resource, namespace, name)
        version = body["metadata"].get("resourceVersion")
        if version is not None and version != old["metadata"]["resourceVersion"]:
            raise failure(409, "Conflict", "the object has been modified; get the latest version")
        if body.get("roleRef") != old.get("roleRef"):
            raise failure(422, "Invalid", "roleRef: Invalid value: cannot change roleRef")
        kept = {key: old["metadata"][key] for key in ("uid", "creationTimestamp")}
        made = {**body, "metadata": {**body["metadata"], **kept}}
        if namespace:
            made["metadata"]["namespace"] = namespace
        self._keep((resource, namespace, name), made)
        return made

    def delete(self, resource: str, namespace: str, name: str) -> Json:
        found = self.get(resource, namespace, name)
        del self.objects[resource, namespace, name]
        self._collect()
        return found

    def _keep(self, key: Key, made: Json) -> None:
        self._version += 1
        made["metadata"]["resourceVersion"] = str(self._version)
        self.objects[key] = made
        self._collect()

    def _collect(self) -> None:
        """The garbage collector: what has owners lives no longer than the last of them."""
        alive = {found["metadata"]["uid"] for found in self.objects.values()}
        for key, found in list(self.objects.items()):
            owners = found["metadata"].get("ownerReferences")
            if owners and not any(owner["uid"] in alive for owner in owners):
                del self.objects[key]


def random_token() -> str:
    """In the look of a JWT, which nobody but the API server reads."""
    return ".".join(("eyJhbGciOiJSUzI1NiJ9", secrets.token_urlsafe(120), secrets.token_urlsafe(60)))


def _plural(resource: str) -> str:
    group = KINDS[resource].group
    return f"{resource}.{group}" if group else resource


def _selects(selector: str, labels: Mapping[str, str]) -> bool:
    for term in filter(None, selector.split(",")):
        key, equals, value = term.partition("=")
        if (equals and labels.get(key) != value) or key not in labels:
            return False
    return True
