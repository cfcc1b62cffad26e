"""What the bot must be allowed in a cluster, asked of the cluster itself."""

from collections.abc import Iterable, Mapping

from adapters._http import together
from adapters._kubernetes_api import RBAC, Cluster
from adapters._kubernetes_objects import Binding

_GROUPS = {
    "rolebindings": RBAC,
    "clusterrolebindings": RBAC,
    "roles": RBAC,
    "clusterroles": RBAC,
}


def _wants(
    resource: str, verbs: str, namespace: str | None, name: str = ""
) -> list[dict[str, str]]:
    resource, _, sub = resource.partition("/")
    return [
        {
            "verb": verb,
            "group": _GROUPS.get(resource, ""),
            "resource": resource,
            **({"subresource": sub} if sub else {}),
            **({"namespace": namespace} if namespace else {}),
            **({"name": name} if name else {}),
        }
        for verb in verbs.split()
    ]


async def missing_everywhere(cluster: Cluster, accounts: str) -> list[str]:
    """What the sweep needs."""
    wants = [
        *_wants("rolebindings", "list", None),
        *_wants("clusterrolebindings", "list", None),
        *_wants("serviceaccounts", "list", accounts),
    ]
    return await _missing(cluster, wants)


async def missing_for(cluster: Cluster, binding: Binding, accounts: str | None) -> list[str]:
    """What one grant block needs; `accounts` is the namespace of service accounts, if any."""
    place, role = binding.place, binding.role_place
    wants = [
        *_wants(place.resource, "create get update delete", place.namespace),
        *_wants(role.resource, "bind", binding.namespace, binding.role),
    ]
    if accounts:
        wants += [
            *_wants("serviceaccounts", "create get delete", accounts),
            *_wants("serviceaccounts/token", "create", accounts),
            *_wants("secrets", "create delete", accounts),
        ]
    missing = await _missing(cluster, wants)
    can_look = await cluster.may(_wants(role.resource, "get", role.namespace, binding.role)[0])
    if can_look and await cluster.read(role, binding.role) is None:
        where = f" in the namespace {role.namespace}" if role.namespace else ""
        missing.append(
            f"There is no {binding.kind} {binding.role}{where}: make it, or name another."
        )
    return missing


async def _missing(cluster: Cluster, wants: Iterable[Mapping[str, str]]) -> list[str]:
    wants = list(wants)
    allowed = await together(*(cluster.may(each) for each in wants))
    return [_sentence(each) for each, may in zip(wants, allowed, strict=True) if not may]


def _sentence(want: Mapping[str, str]) -> str:
    resource = want["resource"] + (f"/{want['subresource']}" if "subresource" in want else "")
    name = f" {want['name']}" if "name" in want else ""
    where = f"the namespace {want['namespace']}" if "namespace" in want else "the whole cluster"
    return (
        f"We may not {want['verb']} {resource}{name} in {where}:"
        " give the bot's role that verb (docs/adapters/kubernetes.md has it whole)."
    )
