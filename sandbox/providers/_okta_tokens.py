"""Who shows what to the stand-in: administrators' tokens, applications' signatures, people's."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.providers._house import Answer, random_id
from sandbox.providers._okta_errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Admin:
    """What the holder of a token may do: permissions of its role, on groups of its resource set.

    `scopes` are an application's; None for an administrator's token. `groups` None means all.
    """

    user: str
    permissions: set[str]
    scopes: set[str] | None = None
    groups: set[str] | None = None
    until: datetime | None = None

    def needs(self, permissions: Iterable[str], scope: str) -> None:
        """Ends the call unless both the role and the token's scopes allow it."""
        if not set(permissions) <= self.permissions:
            raise refusal(403)
        if self.scopes is not None and scope not in self.scopes:
            raise refusal(403)

    def sees(self, group_id: str) -> bool:
        return self.groups is None or group_id in self.groups


@dataclass(slots=True)
class Application:
    """A service application: its public key, and what it may ask for."""

    id: str
    key_id: str
    key: rsa.RSAPublicKey
    admin: Admin
    scopes: set[str] = field(default_factory=set)


class Tokens:
    """Every token that is good, and whose it is."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """`clock` is the house's."""
        self._clock = clock
        self.admins: dict[str, Admin] = {}
        self.people: dict[str, tuple[str, datetime]] = {}
        self.applications: dict[str, Application] = {}
        self._seen: set[str] = set()

    def administrator(self, user_id: str, permissions: Iterable[str]) -> str:
        """A new API token of a person with a role of these permissions."""
        token = f"00{random_id(40)}"
        self.admins[f"SSWS {token}"] = Admin(user_id, set(permissions))
        return token

    def application(
        self, public_key: bytes, permissions: Iterable[str], scopes: Iterable[str]
    ) -> Application:
        """A new service application; `public_key` in PEM form."""
        key = serialization.load_pem_public_key(public_key)
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("the stand-in knows RSA keys only")
        name = f"0oa{random_id(17)}"
        made = Application(name, "key-1", key, Admin(name, set(permissions)), set(scopes))
        self.applications[name] = made
        return made

    def sign_in(self, user_id: str) -> str:
        """A person's own access token, good for an hour."""
        token = random_id(60)
        self.people[token] = (user_id, self._clock() + HOUR)
        return token

    def forget_bearers(self) -> None:
        """Every access token of an application is good no more."""
        self.admins = {k: v for k, v in self.admins.items() if not k.startswith("Bearer ")}

    # --- who is that? -------------------------------------------------------------------------

    def admin(self, header: str) -> Admin | None:
        """Who may call the management API with this header."""
        found = self.admins.get(header)
        if found is None or (found.until is not None and found.until <= self._clock()):
            return None
        return found

    def person(self, header: str) -> str | None:
        """The id of the person whose access token this is."""
        user_id, until = self.people.get(header.removeprefix("Bearer "), ("", self._clock()))
        return user_id if until > self._clock() else None

    def exchange(self, form: Mapping[str, str], audience: str) -> object:
        """An access token for a signed word, or the OAuth form of a no."""
        asked = set(form.get("scope", "").split())
        if form.get("grant_type") != "client_credentials":
            raise _no("unsupported_grant_type", "The authorization grant type is not supported.")
        if form.get("client_assertion_type") != ASSERTION:
            raise _no("invalid_client", "Client authentication failed.")
        application = self._signed(form.get("client_assertion", ""), audience)
        if not asked or not asked <= application.scopes:
            raise _no("invalid_scope", "One or more scopes are not configured for the application.")
        token = random_id(80)
        admin = application.admin
        self.admins[f"Bearer {token}"] = Admin(
            admin.user, admin.permissions, asked, admin.groups, self._clock() + HOUR
        )
        return {
            "token_type": "Bearer",
            "expires_in": int(HOUR.total_seconds()),
            "access_token": token,
            "scope": " ".join(sorted(asked)),
        }

    def _signed(self, word: str, audience: str) -> Application:
        try:
            head, claims, signature = word.split(".")
            header, said = _decoded(head), _decoded(claims)
            application = self.applications[str(said["iss"])]
            application.key.verify(
                _bytes(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            left = float(said["exp"]) - self._clock().timestamp()
            good = (
                header == {"alg": "RS256", "typ": "JWT", "kid": application.key_id}
                and said["sub"] == said["iss"]
                and said["aud"] == audience
                and 0 < left <= HOUR.total_seconds()
                and said["jti"] not in self._seen
            )
        except (ValueError, KeyError, TypeError, InvalidSignature):
            good = False
        if not good:
            raise _no("invalid_client", "The client_assertion token is not valid.")
        self._seen.add(said["jti"])
        return application


def _no(error: str, description: str) -> Answer:
    status = 401 if error == "invalid_client" else 400
    return Answer(status, {"error": error, "error_description": description})


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _decoded(text: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(_bytes(text))
