"""Entities and groups of the stand-in."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sandbox.providers._vault_forms import Json, done, failure, known

_ENTITY = {"name", "metadata", "policies", "disabled"}
_GROUP = {"name", "type", "metadata", "policies", "member_entity_ids", "member_group_ids"}


class Identity:
    """Who people are, and in which groups."""

    def __init__(self) -> None:
        self.entities: dict[str, Json] = {}
        self.groups: dict[str, Json] = {}

    def person(self, name: str, alias: str | None = None, accessor: str = "auth_oidc_1") -> Json:
        """A new entity, with an alias at a login."""
        aliases = [{"name": alias, "mount_accessor": accessor}] if alias else []
        made = {"id": str(uuid4()), "name": name, "aliases": aliases, "disabled": False}
        self.entities[name] = {**made, "metadata": None, "policies": []}
        return self.entities[name]

    def group(self, name: str, policies: list[str], kind: str = "internal") -> Json:
        """A new group."""
        made: Json = {"id": str(uuid4()), "name": name, "type": kind, "policies": policies}
        self.groups[name] = {**made, "member_entity_ids": [], "metadata": None}
        return self.groups[name]

    def lookup(self, body: Any) -> Json | None:  # noqa: ANN401 - JSON
        """An entity by name, or by an alias and its login; None for nobody."""
        wanted = known(body, {"name", "alias_name", "alias_mount_accessor"})
        for entity in self.entities.values():
            if "name" in wanted and entity["name"] == wanted["name"]:
                return done(data=entity)
            for alias in entity["aliases"]:
                if (alias["name"], alias["mount_accessor"]) == (
                    wanted.get("alias_name"),
                    wanted.get("alias_mount_accessor"),
                ):
                    return done(data=entity)
        if not {"name"} <= set(wanted) and len(wanted) != 2:  # noqa: PLR2004 - both of an alias
            raise failure(400, "'alias_mount_accessor' should be set with 'alias_name'")
        return None

    def put_entity(self, name: str, body: Any) -> None:  # noqa: ANN401 - JSON
        wanted = known(body, _ENTITY)
        metadata = wanted.get("metadata") or {}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise failure(400, "metadata holds strings only")
        entity = self.entities.get(name) or self.person(name)
        entity.update(wanted)

    def put_group(self, name: str, body: Any) -> None:  # noqa: ANN401 - JSON
        """What is written replaces; what is not stays."""
        wanted = known(body, _GROUP)
        group = self.groups.get(name) or self.group(name, [])
        if "member_entity_ids" in wanted:
            if group["type"] == "external":
                message = "member entities can't be set manually for external groups"
                raise failure(400, message)
            ids = {entity["id"] for entity in self.entities.values()}
            if unknown := set(wanted["member_entity_ids"]) - ids:
                raise failure(400, f"invalid entity ID {sorted(unknown)}")
        group.update(wanted)

    def policies(self, entity_id: str) -> set[str]:
        """What a person has by their groups."""
        inside = [g for g in self.groups.values() if entity_id in (g["member_entity_ids"] or ())]
        return {policy for group in inside for policy in group["policies"]}
