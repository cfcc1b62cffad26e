"""What the API of a cluster takes as an object, and its form of a no."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.providers._house import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

RBAC = "rbac.authorization.k8s.io"
Json = dict[str, Any]

_LABEL = re.compile(r"[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_DNS = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_METADATA = {"name", "namespace", "labels", "annotations", "ownerReferences", "resourceVersion"}
_OWNER = {"apiVersion", "kind", "name", "uid"}
_SERVER_SIDE = {"uid", "creationTimestamp", "managedFields", "generation"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource: its group and version, and which fields a body may have."""

    group: str
    kind: str
    fields: frozenset[str]
    namespaced: bool = True

    @property
    def version(self) -> str:
        return f"{self.group}/v1" if self.group else "v1"


KINDS = {
    "namespaces": Kind("", "Namespace", frozenset({"spec", "status"}), namespaced=False),
    "serviceaccounts": Kind(
        "", "ServiceAccount", frozenset({"secrets", "automountServiceAccountToken"})
    ),
    "secrets": Kind("", "Secret", frozenset({"type", "data", "immutable"})),
    "configmaps": Kind("", "ConfigMap", frozenset({"data", "binaryData", "immutable"})),
    "roles": Kind(RBAC, "Role", frozenset({"rules"})),
    "clusterroles": Kind(RBAC, "ClusterRole", frozenset({"rules"}), namespaced=False),
    "rolebindings": Kind(RBAC, "RoleBinding", frozenset({"roleRef", "subjects"})),
    "clusterrolebindings": Kind(
        RBAC, "ClusterRoleBinding", frozenset({"roleRef", "subjects"}), namespaced=False
    ),
}


def checked(resource: str, namespace: str, body: object) -> str:
    """The name in a body that the API would take; strict about every field."""
    kind = KINDS[resource]
    if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
        raise failure(400, "BadRequest", "the body is no object with metadata")
    said = body.get("apiVersion", kind.version), body.get("kind", kind.kind)
    if said != (kind.version, kind.kind):  # left out, the path says it
        raise failure(400, "BadRequest", f"the object is not a {kind.kind} of {kind.version}")
    meta = body["metadata"]
    unknown = set(body) - {"apiVersion", "kind", "metadata"} - kind.fields
    unknown |= set(meta) - _METADATA - _SERVER_SIDE
    if unknown:
        raise failure(400, "BadRequest", f"strict decoding error: unknown field {sorted(unknown)}")
    if meta.get("namespace", namespace) != namespace:
        raise failure(400, "BadRequest", "the namespace of the object does not match the URL")
    name = str(meta.get("name") or "")
    loose = kind.group == RBAC and bool(name) and not set(name) & set("/%")
    if not loose and not _DNS.fullmatch(name):
        raise _invalid("metadata.name", name)
    _checked_metadata(meta)
    if "bindings" in resource:
        _checked_binding(resource, body)
    return name


def _checked_metadata(meta: Mapping[str, Any]) -> None:
    for key, value in (meta.get("labels") or {}).items():
        prefix, _, tail = key.rpartition("/")
        fine = not prefix or _DNS.fullmatch(prefix)
        if not fine or not _LABEL.fullmatch(tail) or (value and not _LABEL.fullmatch(value)):
            raise _invalid("metadata.labels", f"{key}={value}")
    for value in (meta.get("annotations") or {}).values():
        if not isinstance(value, str):
            raise _invalid("metadata.annotations", value)
    for owner in meta.get("ownerReferences") or ():
        if set(owner) - {"controller", "blockOwnerDeletion"} != _OWNER:
            raise _invalid("metadata.ownerReferences", owner)


def _checked_binding(resource: str, body: Mapping[str, Any]) -> None:
    reference = body.get("roleRef") or {}
    kinds = {"ClusterRole"} if resource == "clusterrolebindings" else {"Role", "ClusterRole"}
    if set(reference) != {"apiGroup", "kind", "name"} or reference["apiGroup"] != RBAC:
        raise _invalid("roleRef", reference)
    if reference["kind"] not in kinds or not reference["name"]:
        raise _invalid("roleRef.kind", reference)
    for subject in body.get("subjects") or ():
        if subject.get("kind") == "ServiceAccount":
            fine = set(subject) == {"kind", "name", "namespace"} and bool(
                _DNS.fullmatch(subject["name"])
            )
        else:
            fine = (
                subject.get("kind") in {"User", "Group"}
                and set(subject) == {"kind", "name", "apiGroup"}
                and subject["apiGroup"] == RBAC
                and bool(subject["name"])
            )
        if not fine:
            raise _invalid("subjects", subject)


def failure(
    code: int, reason: str, message: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """The API's form of a no."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return Answer(code, body, headers)


def _invalid(field: str, value: object) -> Answer:
    return failure(422, "Invalid", f"{field}: Invalid value: {value!r}")
