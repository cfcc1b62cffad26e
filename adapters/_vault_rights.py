"""What the bot's policy must allow in Vault, by path."""

from adapters._vault_policy import VaultParams

ANY = "curfew-000000000000"
"""Stands for every mark."""


def wanted_everywhere() -> dict[str, str]:
    """What the sweep needs."""
    return {"auth/token/roles": "list", "identity/entity/name": "list"}


def wanted_for(params: VaultParams) -> dict[str, str]:
    """What one grant block needs."""
    if params.group:
        return {
            f"identity/group/name/{params.group}": "read update",
            "identity/lookup/entity": "update",
        }
    if params.secret:
        return {
            f"{params.mount}/metadata/{params.secret}": "read patch",
            f"{params.mount}/data/{params.secret}": "read",
        }
    entity = {f"identity/entity/name/{ANY}": "create read update delete"}
    return {
        f"auth/token/roles/{ANY}": "create read update delete",
        f"auth/token/create/{ANY}": "create update",
        f"sys/leases/revoke-prefix/auth/token/create/{ANY}": "update sudo",
        f"sys/leases/lookup/auth/token/create/{ANY}/": "list sudo",
        **entity,
        **({"sys/leases/revoke": "update"} if params.creds else {}),
    }
