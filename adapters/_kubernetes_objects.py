"""What is made in a cluster, as the API wants it, and what a person gets of it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from adapters._kubernetes_api import RBAC, Place
from adapters.base import Order

GRANT = "curfew/grant"
"""The label with the grant's id, on everything that we make."""

SHORTEST = 600
"""Seconds for which a cluster makes a token at least."""

_MANAGED = {"app.kubernetes.io/managed-by": "curfew"}


@dataclass(frozen=True, slots=True)
class Binding:
    """A role, and where it is bound: in a namespace, or with None in all of the cluster."""

    kind: str
    role: str
    namespace: str | None

    @property
    def place(self) -> Place:
        return Place("rolebindings" if self.namespace else "clusterrolebindings", self.namespace)

    @property
    def role_place(self) -> Place:
        if self.kind == "Role":
            return Place("roles", self.namespace)
        return Place("clusterroles")

    @property
    def reference(self) -> dict[str, str]:
        return {"apiGroup": RBAC, "kind": self.kind, "name": self.role}

    def body(self, order: Order, subject: Mapping[str, str]) -> dict[str, Any]:
        return {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding" if self.namespace else "ClusterRoleBinding",
            "metadata": metadata(order),
            "roleRef": self.reference,
            "subjects": [dict(subject)],
        }


def metadata(order: Order) -> dict[str, Any]:
    """Name, labels, and the resource for whoever finds it."""
    return {
        "name": order.mark,
        "labels": {**_MANAGED, GRANT: order.grant_id},
        "annotations": {"curfew/resource": order.resource},
    }


def user(name: str) -> dict[str, str]:
    """A person's own identity as a subject."""
    return {"kind": "User", "apiGroup": RBAC, "name": name}


def account(namespace: str, name: str) -> dict[str, str]:
    """A service account as a subject."""
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def is_bound(found: Mapping[str, Any], binding: Binding, subject: Mapping[str, str]) -> bool:
    """Whether an object of the cluster gives this role to this subject and to nobody else."""
    shown = [
        {key: value for key, value in each.items() if value} for each in found.get("subjects") or ()
    ]
    return found.get("roleRef") == binding.reference and shown == [dict(subject)]


def is_leaving(found: Mapping[str, Any]) -> bool:
    """Deleted already, and kept only until somebody's finalizer is done."""
    return "deletionTimestamp" in found["metadata"]


def service_account(order: Order) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(order)}


def anchor(order: Order, owner: Mapping[str, Any]) -> dict[str, Any]:
    """An empty Secret that tokens hang on: they die with it, and it dies with the account."""
    reference = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {**metadata(order), "ownerReferences": [reference]},
    }


def token_spec(anchored: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    return {
        "expirationSeconds": max(SHORTEST, int(seconds)),
        "boundObjectRef": {
            "apiVersion": "v1",
            "kind": "Secret",
            "name": anchored["metadata"]["name"],
            "uid": anchored["metadata"]["uid"],
        },
    }


def kubeconfig(
    server: str, authority: bytes | None, *, name: str, namespace: str | None, token: str
) -> str:
    """A file for kubectl with one cluster, one user, one context."""
    cluster: dict[str, str] = {"server": server}
    if authority is not None:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    context = {"cluster": name, "user": name, **({"namespace": namespace} if namespace else {})}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "contexts": [{"name": name, "context": context}],
            "users": [{"name": name, "user": {"token": token}}],
        },
        sort_keys=False,
        width=10_000,
    )


def quoted(text: str) -> str:
    """For a sentence."""
    return json.dumps(text, ensure_ascii=False)
