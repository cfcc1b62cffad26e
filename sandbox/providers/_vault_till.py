"""A till whose password is a secret in Vault, and the service that changes it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from sandbox.providers._house import Answer, House, random_id

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.providers._vault_engines import KeyValue


class Till(House):
    """`GET /till/PATH` lets in who has the password; `POST /rotate` makes another."""

    def __init__(self, secrets: KeyValue, *, port: int = 0) -> None:
        """`secrets` is where the passwords are known, too."""
        super().__init__(port=port)
        self.token = random_id(30)
        self.passwords: dict[str, str] = {}
        self.is_slow = False
        self._secrets = secrets

    def install(self, path: str) -> None:
        """A new till with a password of its own, known in Vault."""
        self.passwords[path] = random_id(20)
        self._secrets.put(path, {"password": self.passwords[path]})

    async def answer(self, request: web.Request, body: Any) -> object:  # noqa: ANN401 - JSON
        """One call."""
        if request.path == "/rotate" and request.method == "POST":
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                raise Answer(401, {})
            if set(body) != {"mount", "path", "grant"} or body["path"] not in self.passwords:
                raise Answer(400, {})
            if self.is_slow:
                raise Answer(202)
            self.install(body["path"])
            raise Answer(204)
        path = request.path.removeprefix("/till/")
        word = base64.b64encode(f"till:{self.passwords.get(path)}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {word}":
            raise Answer(401, {})
        return {"open": True}

    def crowded(self) -> Answer:
        return Answer(429, {}, {"Retry-After": "1"})

    def malformed(self) -> Answer:
        return Answer(400, {})
