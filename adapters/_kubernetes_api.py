"""The API server of a cluster: paths, the bot's own token, and errors in the contract's words."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from adapters import _http as http
from adapters._http import Http, Reply
from adapters.base import RefusedError, UnreachableError

RBAC = "rbac.authorization.k8s.io"

FRESH = 60.0
"""Seconds after which a token's file is read again: the cluster writes a new one in time."""

_ROOTS = {
    "serviceaccounts": "/api/v1",
    "secrets": "/api/v1",
    "namespaces": "/api/v1",
    "roles": f"/apis/{RBAC}/v1",
    "clusterroles": f"/apis/{RBAC}/v1",
    "rolebindings": f"/apis/{RBAC}/v1",
    "clusterrolebindings": f"/apis/{RBAC}/v1",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one kind of object lives; `namespace` None for all of them, or for none."""

    resource: str
    namespace: str | None = None

    def path(self, name: str = "", sub: str = "") -> str:
        within = f"/namespaces/{self.namespace}" if self.namespace else ""
        parts = [self.resource, *([name] if name else []), *([sub] if sub else [])]
        return f"{_ROOTS[self.resource]}{within}/{'/'.join(parts)}"


class Bearer(Protocol):
    """What stands behind `Authorization: Bearer`."""

    async def token(self) -> str: ...

    def refused(self) -> bool: ...


class FixedToken:
    """A token from the policy."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def refused(self) -> bool:
        """Whether it is worth asking once more after a 401: no."""
        return False


class TokenFile:
    """A token in a file that somebody else keeps fresh."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._read_at = -FRESH

    async def token(self) -> str:
        if time.monotonic() - self._read_at >= FRESH:
            try:
                self._token = (await asyncio.to_thread(self._path.read_text)).strip()
            except OSError as error:
                raise RefusedError(f"{self._path} cannot be read: {error.strerror}") from error
            self._read_at = time.monotonic()
        return self._token

    def refused(self) -> bool:
        """Reads the file again; whether it is worth asking once more."""
        known = bool(self._token)
        self._token, self._read_at = "", -FRESH
        return known


class Cluster:
    """Every call with the bot's own token."""

    def __init__(self, server: str, bearer: Bearer, *, size: int, ca: Path | None) -> None:
        self._http = Http(server, size=size, authority=ca)
        self._bearer = bearer

    async def aclose(self) -> None:
        await self._http.aclose()

    async def read(self, place: Place, name: str) -> dict[str, Any] | None:
        """The object; None where there is none."""
        reply = await self._ask("GET", place.path(name))
        return None if reply.status == http.NOT_FOUND else _expect(reply).body

    async def marked(self, place: Place, selector: str) -> list[dict[str, Any]]:
        """All objects of the place whose labels the selector chooses, page by page."""
        found: list[dict[str, Any]] = []
        query = {"labelSelector": selector, "limit": "500"}
        while True:
            body = _expect(await self._ask("GET", place.path(), query=query)).body
            found += body["items"]
            following = body.get("metadata", {}).get("continue")
            if not following:
                return found
            query["continue"] = following

    async def create(self, place: Place, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The object made; None where one of that name is there already."""
        reply = await self._ask("POST", place.path(), body=body)
        return None if reply.status == http.CONFLICT else _expect(reply).body

    async def change(self, place: Place, name: str, body: Mapping[str, Any]) -> None:
        """The object is as the body afterwards."""
        _expect(await self._ask("PUT", place.path(name), body=body))

    async def delete(self, place: Place, name: str) -> None:
        """Nothing of that name afterwards."""
        reply = await self._ask("DELETE", place.path(name))
        if reply.status != http.NOT_FOUND:
            _expect(reply)

    async def token_of(
        self, place: Place, name: str, spec: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """A token of a service account; None where there is no such account."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        reply = await self._ask("POST", place.path(name, "token"), body=body)
        return None if reply.status == http.NOT_FOUND else _expect(reply).body["status"]

    async def may(self, attributes: Mapping[str, str]) -> bool:
        """Whether we are allowed this, by the cluster's own word."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        reply = _expect(await self._ask("POST", path, body=body))
        return bool(reply.body["status"]["allowed"])

    async def _ask(
        self, method: str, path: str, *, body: object = None, query: Mapping[str, str] | None = None
    ) -> Reply:
        for _ in range(2):
            headers = {"Authorization": f"Bearer {await self._bearer.token()}"}
            reply = await self._http.send(method, path, headers=headers, body=body, query=query)
            if reply.status != http.UNAUTHORIZED or not self._bearer.refused():
                break
        return reply


def _expect(reply: Reply) -> Reply:
    """The reply when it is good, else its error."""
    if reply.is_ok:
        return reply
    body = reply.body if isinstance(reply.body, dict) else {}
    said = str(body.get("message") or f"status {reply.status}").rstrip(".")
    if reply.status == http.CROWDED:
        raise UnreachableError(
            f"The cluster is asked too often: {said}", retry_after=reply.number("Retry-After")
        )
    if reply.status == http.UNAUTHORIZED:
        raise RefusedError(f"The cluster does not accept our token: {said}.")
    raise RefusedError(f"The cluster refuses: {said}.")
