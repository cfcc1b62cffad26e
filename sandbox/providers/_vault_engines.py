"""What the stand-in's secrets engines keep and make: secrets, and logins of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.providers._house import random_id
from sandbox.providers._vault_forms import Json, done, failure, known

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LIMIT_KEYS, LIMIT_KEY, LIMIT_VALUE = 64, 128, 512
"""Of custom metadata: how many keys, and how long they and their values may be."""


class KeyValue:
    """One store, version 2."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.versions: dict[str, list[Json]] = {}
        self.custom: dict[str, dict[str, str]] = {}

    def put(self, path: str, data: Json) -> int:
        """A new version; its number."""
        self.versions.setdefault(path, []).append(dict(data))
        return len(self.versions[path])

    def data(self, path: str) -> Json:
        """The latest version."""
        if path not in self.versions:
            raise failure(404)
        version = len(self.versions[path])
        noted = self.custom.get(path)
        metadata = {"version": version, "custom_metadata": noted, "destroyed": False}
        return done(data={"data": self.versions[path][-1], "metadata": metadata})

    def metadata(self, path: str) -> Json:
        if path not in self.versions:
            raise failure(404)
        data = {
            "current_version": len(self.versions[path]),
            "custom_metadata": self.custom.get(path) or None,
            "max_versions": 0,
        }
        return done(data=data)

    def patch(self, path: str, body: Any) -> None:  # noqa: ANN401 - JSON
        """A merge patch of the metadata."""
        if path not in self.versions:
            raise failure(404)
        noted = known(body, {"custom_metadata"}).get("custom_metadata")
        if not isinstance(noted, dict):
            raise failure(400, "custom_metadata must be an object")
        mine = dict(self.custom.get(path, {}))
        for key, value in noted.items():
            if value is None:
                mine.pop(key, None)
            elif not isinstance(value, str) or not 0 < len(value) <= LIMIT_VALUE:
                raise failure(400, "custom_metadata validation failed: length of value")
            elif not 0 < len(key) <= LIMIT_KEY:
                raise failure(400, "custom_metadata validation failed: length of key")
            else:
                mine[key] = value
        if len(mine) > LIMIT_KEYS:
            raise failure(400, "custom_metadata validation failed: too many keys")
        self.custom[path] = mine


class Database:
    """A database of which Vault makes the logins."""

    def __init__(self) -> None:
        self.logins: dict[str, tuple[str, str]] = {}
        self.is_down = False

    def login(self, role: str) -> tuple[str, str]:
        """A new one."""
        name, password = f"v-token-{role}-{random_id(12)}", random_id(24)
        self.logins[name] = (password, role)
        return name, password

    def drop(self, name: str) -> None:
        if self.is_down:
            raise failure(500, "failed to revoke entry: connection refused")
        self.logins.pop(name, None)

    def admits(self, name: str, password: str, role: str) -> bool:
        """What the database says to who comes with that."""
        return self.logins.get(name) == (password, role)
