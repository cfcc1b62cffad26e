"""Vault's API, and OpenBao's: paths, the bot's own token, and errors in the contract's words."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from adapters import _http as http
from adapters._http import Http, Reply
from adapters._vault_policy import VaultSettings
from adapters.base import RefusedError, UnreachableError

EARLY = 0.75
"""The part of a login's time after which the bot logs in anew."""

MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What Vault said: `body` is its JSON, None for nothing; `now` is its clock, since 1970."""

    body: Any
    now: float

    @property
    def data(self) -> dict[str, Any] | None:
        found = self.body.get("data") if isinstance(self.body, dict) else None
        return found if isinstance(found, dict) else None


class Vault:
    """Every call with the bot's own token, or with one that is handed in."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self._http = Http(settings.address, size=settings.connections)
        self._asking = asyncio.Lock()
        self._token = settings.token.get_secret_value() if settings.token else ""
        self._until = float("inf") if settings.token else 0.0

    async def aclose(self) -> None:
        await self._http.aclose()

    async def read(self, path: str, *, token: str | None = None) -> Answer | None:
        """None where there is nothing."""
        reply = await self._ask("GET", path, token=token)
        return None if reply.status == http.NOT_FOUND else _answer(reply)

    async def keys(self, path: str) -> list[str]:
        """What is listed below the path."""
        reply = await self._ask("GET", path, query={"list": "true"})
        if reply.status == http.NOT_FOUND:
            return []
        data = _answer(reply).data or {}
        return [str(key) for key in data.get("keys") or ()]

    async def write(self, path: str, body: Mapping[str, Any]) -> Answer:
        return _answer(await self._ask("POST", path, body=body))

    async def patch(self, path: str, body: Mapping[str, Any]) -> Answer:
        """A merge patch: null takes a key away."""
        return _answer(await self._ask("PATCH", path, body=body))

    async def delete(self, path: str) -> None:
        """Nothing there afterwards."""
        reply = await self._ask("DELETE", path)
        if reply.status != http.NOT_FOUND:
            _answer(reply)

    async def missing(self, wants: Mapping[str, str]) -> list[str]:
        """Which rights of these we lack; `wants` is capabilities in words by path."""
        answer = await self.write("sys/capabilities-self", {"paths": list(wants)})
        have = answer.body if isinstance(answer.body, dict) else {}
        have = {**have, **(answer.data or {})}
        lacking = []
        for path, words in wants.items():
            ours = set(have.get(path) or ())
            lacks = [word for word in words.split() if word not in ours and "root" not in ours]
            if lacks:
                quoted = ", ".join(f'"{word}"' for word in lacks)
                lacking.append(
                    f"We lack {quoted} on {path}: add that to the bot's policy"
                    " (docs/adapters/vault.md has it whole)."
                )
        return lacking

    # --- one call -----------------------------------------------------------------------------

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Reply:
        mine = token or await self._own_token()
        reply = await self._send(method, path, mine, body=body, query=query)
        if reply.status == http.FORBIDDEN and token is None and self._settings.approle:
            if mine == self._token:  # perhaps it ended early; if not, the answer is the same
                self._until = 0.0
            mine = await self._own_token()
            reply = await self._send(method, path, mine, body=body, query=query)
        return reply

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        headers = {"X-Vault-Request": "true"}
        if token:
            headers["X-Vault-Token"] = token
        if self._settings.namespace:
            headers["X-Vault-Namespace"] = self._settings.namespace
        if method == "PATCH":
            headers["Content-Type"] = MERGE
        return await self._http.send(
            method, f"/v1/{quote(path, safe='/')}", headers=headers, body=body, query=query
        )

    async def _own_token(self) -> str:
        async with self._asking:
            role = self._settings.approle
            if role is not None and time.monotonic() >= self._until:
                began = time.monotonic()
                body = {"role_id": role.role_id, "secret_id": role.secret_id.get_secret_value()}
                reply = await self._send("POST", f"auth/{role.mount}/login", "", body=body)
                auth = _answer(reply).body["auth"]
                self._token = str(auth["client_token"])
                self._until = began + float(auth["lease_duration"]) * EARLY
        return self._token


def _answer(reply: Reply) -> Answer:
    """What was answered when it is good, else its error."""
    if reply.is_ok:
        return Answer(reply.body, _clock(reply))
    body = reply.body if isinstance(reply.body, dict) else {}
    errors = [" ".join(str(error).split()) for error in body.get("errors") or ()]
    said = ("; ".join(errors) or f"status {reply.status}").rstrip(".")
    if reply.status == http.CROWDED:
        wait = reply.number("Retry-After")
        raise UnreachableError(f"Vault is asked too often: {said}", retry_after=wait)
    if reply.status == http.FORBIDDEN:
        raise RefusedError(f"Vault forbids it: {said}. The bot's policy is in the docs of vault.")
    raise RefusedError(f"Vault refuses: {said}.")


def _clock(reply: Reply) -> float:
    """Vault's clock, to the second; ours where the two agree as far as can be seen."""
    ours = time.time()
    try:
        theirs = parsedate_to_datetime(reply.header("Date")).timestamp()
    except ValueError:
        return ours
    return ours if theirs <= ours < theirs + 1.5 else theirs + 1
