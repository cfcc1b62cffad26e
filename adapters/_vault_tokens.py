"""Tokens, and what hangs on them: a token role for each grant.

A role is named by the mark, so that every token made by it has a lease below
`auth/token/create/<mark>/`: found and revoked by that prefix, whoever made it and whatever crashed.
The role's `path_suffix` is the grant's end: Vault has no other room for it.
"""

from collections.abc import Mapping
from typing import Any

from adapters._http import together
from adapters._vault_api import Vault
from adapters.base import Order, Presence, RefusedError

ENDED = "There is no access to log in with: it ended or was never given."
UNTIL = "until-"


def role_path(mark: str) -> str:
    return f"auth/token/roles/{mark}"


def lease_prefix(mark: str) -> str:
    return f"auth/token/create/{mark}"


def entity_path(mark: str) -> str:
    """What remembers the lease of dynamic credentials, in Vault and not here."""
    return f"identity/entity/name/{mark}"


async def give(vault: Vault, order: Order, policies: tuple[str, ...]) -> None:
    """The role is there, with this end; tokens that would outlive a sooner end are revoked."""
    end = int(order.expires_at.timestamp())
    role = {
        "allowed_policies": list(policies),
        "orphan": True,  # else they would die with the bot's own login
        "renewable": False,
        "token_type": "service",
        "path_suffix": f"{UNTIL}{end}",
    }
    leases = f"sys/leases/lookup/{lease_prefix(order.mark)}/"
    _, suffixes = await together(
        vault.write(role_path(order.mark), role), _as_object(vault.keys(leases))
    )
    for suffix in suffixes if isinstance(suffixes, list) else ():
        if _end_of(suffix) > end:
            await revoke_prefix(vault, f"{lease_prefix(order.mark)}/{suffix.strip('/')}")


async def take(vault: Vault, order: Order) -> None:
    """First no new token, then no old one, then none of the credentials that were shown."""
    await vault.delete(role_path(order.mark))
    await revoke_prefix(vault, lease_prefix(order.mark))
    await end_lease(vault, order.mark)


async def look(vault: Vault, order: Order, policies: tuple[str, ...], *, creds: bool) -> Presence:
    """What there is of role, tokens and remembered leases."""
    looks = [
        _as_object(vault.read(role_path(order.mark))),
        _as_object(vault.keys(f"sys/leases/lookup/{lease_prefix(order.mark)}/")),
    ]
    if creds:
        looks.append(_as_object(vault.read(entity_path(order.mark))))
    role, leases, *rest = await together(*looks)
    if role is None:
        return Presence.PARTIAL if leases or any(rest) else Presence.ABSENT
    data: Mapping[str, Any] = role.data or {}  # type: ignore[attr-defined] # the first of the looks
    now: float = role.now  # type: ignore[attr-defined] # as above
    if _end_of(str(data.get("path_suffix"))) <= now or not policies:
        return Presence.PARTIAL
    same = set(data.get("allowed_policies") or ()) == set(policies)
    return Presence.PRESENT if same else Presence.PARTIAL


async def new_token(vault: Vault, order: Order, policies: tuple[str, ...]) -> str:
    """A fresh token until the grant's end; the former ones are dead."""
    before = await revoke_prefix(vault, lease_prefix(order.mark))
    left = order.expires_at.timestamp() - before
    if left <= 0 or await vault.read(role_path(order.mark)) is None:
        raise RefusedError(ENDED)
    body = {
        "policies": list(policies),
        "explicit_max_ttl": f"{int(left * 1000)}ms",
        "renewable": False,
        "display_name": order.mark,
        "meta": {"curfew": order.grant_id, "resource": order.resource},
    }
    made = await vault.write(f"auth/token/create/{order.mark}", body)
    return str(made.body["auth"]["client_token"])


async def new_credentials(
    vault: Vault, order: Order, policies: tuple[str, ...], path: str
) -> Mapping[str, Any]:
    """What the path makes for a fresh token; its lease is remembered before anybody sees it."""
    await end_lease(vault, order.mark)
    token = await new_token(vault, order, policies)
    made = await vault.read(path, token=token)
    lease = made.body.get("lease_id") if made else None
    if made is None or not lease:
        raise RefusedError(f"{path} makes no credentials with a lease.")
    await vault.write(entity_path(order.mark), {"metadata": {"lease": str(lease)}})
    return made.data or {}


async def end_lease(vault: Vault, mark: str) -> None:
    """The remembered credentials are gone at their own provider; then they are forgotten."""
    entity = await vault.read(entity_path(mark))
    if entity is None:
        return
    lease = ((entity.data or {}).get("metadata") or {}).get("lease")
    if lease:
        await vault.write("sys/leases/revoke", {"lease_id": lease, "sync": True})
    await vault.delete(entity_path(mark))


async def revoke_prefix(vault: Vault, prefix: str) -> float:
    """Every token below the prefix is dead; Vault's clock then."""
    answer = await vault.write(f"sys/leases/revoke-prefix/{prefix}", {"sync": True})
    return answer.now


async def _as_object(call: Any) -> object:  # noqa: ANN401 - any awaitable
    return await call


def _end_of(suffix: str) -> float:
    try:
        return float(suffix.strip("/").removeprefix(UNTIL))
    except ValueError:
        return float("inf")
