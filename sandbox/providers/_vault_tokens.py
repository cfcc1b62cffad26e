"""Tokens, token roles and leases of the stand-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.providers._house import random_id
from sandbox.providers._vault_forms import Json, done, duration, failure, known

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = timedelta(days=32)

_ROLE = {
    "allowed_policies",
    "disallowed_policies",
    "orphan",
    "renewable",
    "token_type",
    "path_suffix",
    "token_explicit_max_ttl",
}
_CREATE = {"policies", "explicit_max_ttl", "renewable", "display_name", "meta", "ttl"}


@dataclass(slots=True)
class Token:
    """One token; `lease` is where it is found and revoked."""

    id: str
    lease: str
    policies: set[str]
    until: datetime | None
    parent: str | None = None
    meta: Json = field(default_factory=dict)


@dataclass(slots=True)
class Lease:
    """One thing that ends: made for a token, taken away by `undo`."""

    token: str
    until: datetime
    undo: Callable[[], None]


class Tokens:
    """Who is who, and what hangs on it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """`clock` is the house's."""
        self._clock = clock
        self.tokens: dict[str, Token] = {}
        self.roles: dict[str, Json] = {}
        self.leases: dict[str, Lease] = {}

    def new(
        self, policies: set[str], path: str, lasts: timedelta | None, *, parent: str | None = None
    ) -> Token:
        """A token, with the lease that all but the root token have."""
        until = self._clock() + lasts if lasts is not None else None
        lease = f"{path}/h{random_id(40).lower()}"
        made = Token(f"hvs.{random_id(90)}", lease, policies, until, parent)
        self.tokens[made.id] = made
        return made

    def find(self, token_id: str) -> Token | None:
        """The token while it is good."""
        self.sweep()
        return self.tokens.get(token_id)

    def sweep(self) -> None:
        """Ends what is over, as Vault's expiration does."""
        now = self._clock()
        for token in list(self.tokens.values()):
            if token.until is not None and token.until <= now:
                self.revoke(token)
        for lease_id, lease in list(self.leases.items()):
            if lease.until <= now:
                self.end(lease_id)

    def revoke(self, token: Token) -> None:
        """The token, its children, and every lease of theirs."""
        if self.tokens.pop(token.id, None) is None:
            return
        for lease_id in [key for key, lease in self.leases.items() if lease.token == token.id]:
            self.end(lease_id)
        for child in [each for each in self.tokens.values() if each.parent == token.id]:
            self.revoke(child)

    def end(self, lease_id: str) -> None:
        """One lease by its id; unknown ones are over already."""
        lease = self.leases.get(lease_id)
        if lease is not None:
            lease.undo()
            self.leases.pop(lease_id, None)
        for token in list(self.tokens.values()):
            if token.lease == lease_id:
                self.revoke(token)

    def below(self, prefix: str) -> list[str]:
        """Ids of all leases below a prefix, those of tokens too."""
        prefix = prefix.rstrip("/") + "/"
        every = [*self.leases, *(token.lease for token in self.tokens.values() if token.until)]
        return sorted(lease for lease in every if lease.startswith(prefix))

    def listed(self, prefix: str) -> Json:
        """One level of them, as LIST shows it."""
        prefix = prefix.rstrip("/") + "/"
        rest = [lease.removeprefix(prefix) for lease in self.below(prefix)]
        keys = sorted({part.partition("/")[0] + ("/" if "/" in part else "") for part in rest})
        if not keys:
            raise failure(404)
        return done(data={"keys": keys})

    # --- token roles --------------------------------------------------------------------------

    def put_role(self, name: str, body: Any) -> None:  # noqa: ANN401 - JSON
        wanted = known(body, _ROLE)
        if wanted.get("token_type", "service") not in {"service", "default-service"}:
            raise failure(400, "the stand-in makes service tokens only")
        duration(wanted.get("token_explicit_max_ttl", 0))
        self.roles[name] = {"name": name, **self.roles.get(name, {}), **wanted}

    def create(self, role_name: str, body: Any, parent: Token) -> Json:  # noqa: ANN401 - JSON
        """A token by a role. Its policies need not be the parent's where the role allows them."""
        role = self.roles.get(role_name)
        if role is None:
            raise failure(400, f"unknown role {role_name}")
        wanted = known(body, _CREATE)
        allowed = set(role.get("allowed_policies") or ())
        policies = set(wanted.get("policies") or allowed)
        if not policies <= allowed:
            raise failure(400, f"token policies ({policies}) must be subset of the role's allowed")
        if "root" in policies:
            raise failure(400, "root tokens may not be created without parent token being root")
        lasts = duration(wanted["explicit_max_ttl"]) if "explicit_max_ttl" in wanted else LONGEST
        suffix = role.get("path_suffix")
        path = f"auth/token/create/{role_name}" + (f"/{suffix}" if suffix else "")
        holder = None if role.get("orphan") else parent.id
        made = self.new(policies | {"default"}, path, min(lasts or LONGEST, LONGEST), parent=holder)
        made.meta = dict(wanted.get("meta") or {})
        return self.shown(made)

    def shown(self, token: Token) -> Json:
        """What whoever made a token is told."""
        left = (token.until - self._clock()).total_seconds() if token.until else 0
        auth = {
            "client_token": token.id,
            "accessor": random_id(24),
            "policies": sorted(token.policies),
            "metadata": token.meta,
            "lease_duration": int(left),
            "renewable": False,
            "token_type": "service",
            "orphan": token.parent is None,
        }
        return done(auth=auth)
