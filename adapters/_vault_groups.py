"""Membership in an identity group: who is who, and a list that is written as a whole.

Vault replaces a group's members by what is written, and has no "only if nobody else did". So the
bot changes one group by one call at a time; whoever else writes at the same moment may lose.
"""

import asyncio
from typing import Any

from adapters._http import together
from adapters._vault_api import Vault
from adapters.base import Order, RefusedError


class Groups:
    """Identity groups by name."""

    def __init__(self, vault: Vault, people_from: str | None) -> None:
        """`people_from` is the accessor of the login whose names are e-mails."""
        self._vault = vault
        self._people_from = people_from
        self._writing: dict[str, asyncio.Lock] = {}

    async def entity(self, name: str, *, is_named: bool) -> dict[str, Any] | None:
        """Who that is; `is_named` when the policy says the entity's own name."""
        if is_named or self._people_from is None:
            wanted = {"name": name}
        else:
            wanted = {"alias_name": name, "alias_mount_accessor": self._people_from}
        return (await self._vault.write("identity/lookup/entity", wanted)).data

    async def members(self, group: str) -> list[str] | None:
        """Ids of entities; None for no such group."""
        found = await self._vault.read(f"identity/group/name/{group}")
        return None if found is None else list((found.data or {}).get("member_entity_ids") or ())

    async def complaint(self, group: str) -> str | None:
        """Why nobody can be put into the group."""
        found = await self._vault.read(f"identity/group/name/{group}")
        if found is None:
            return f"There is no identity group {group}: make it, or name another."
        if (found.data or {}).get("type") != "internal":
            return f"The members of {group} come from outside: name an internal group."
        return None

    async def has(self, group: str, name: str, *, is_named: bool) -> bool:
        members, entity = await together(
            _as_object(self.members(group)), _as_object(self.entity(name, is_named=is_named))
        )
        return isinstance(entity, dict) and entity["id"] in (members or ())  # type: ignore[operator] # a list

    async def change(self, order: Order, group: str, entity: str, *, inside: bool) -> None:
        """The entity is inside or not; everybody else as before."""
        async with self._writing.setdefault(group, asyncio.Lock()):
            members = await self.members(group)
            if members is None:
                if not inside:
                    return
                raise RefusedError(f"There is no identity group {group} for {order.resource}.")
            if (entity in members) is inside:
                return
            others = [member for member in members if member != entity]
            wanted = [*others, entity] if inside else others
            await self._vault.write(f"identity/group/name/{group}", {"member_entity_ids": wanted})


async def _as_object(call: Any) -> object:  # noqa: ANN401 - any awaitable
    return await call
