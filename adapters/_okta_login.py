"""How the bot shows Okta who it is: an API token, or an application's signed word."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from adapters._http import CROWDED, Http, Reply
from adapters.base import RefusedError, UnreachableError

SCOPES = "okta.users.read okta.groups.read okta.groups.manage"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PATH = "/oauth2/v1/token"

LASTS = 300
"""Seconds for which a signed word holds; Okta takes up to an hour."""

EARLY = 60.0
"""Seconds before its end at which an access token is used no more."""


def _rsa_key(text: SecretStr) -> SecretStr:
    _read(text.get_secret_value())
    return text


def _read(pem: str, *, checked: bool = False) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(
            pem.encode(), password=None, unsafe_skip_rsa_key_validation=checked
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("key is no private key in PEM form without a password") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("key is no RSA key, which is what Okta's RS256 needs")  # noqa: TRY004 - pydantic's
    return key


class OktaClient(BaseModel):
    """A service application of Okta ("API Services") with a public key of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9A-Za-z]{20}$")
    key_id: str = Field(min_length=1)
    key: Annotated[SecretStr, AfterValidator(_rsa_key)]


class ApiToken:
    """An API token of an administrator, which Okta calls SSWS."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def header(self, http: Http) -> str:
        """What the Authorization header says."""
        del http
        return f"SSWS {self._token}"

    def refused(self) -> bool:
        """Whether it is worth asking once more after a 401: no."""
        return False


class SignedClient:
    """Access tokens that an application gets for its signature; kept while they are good."""

    def __init__(self, client: OktaClient) -> None:
        self._client = client
        self._key = _read(client.key.get_secret_value(), checked=True)
        self._asking = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def header(self, http: Http) -> str:
        """What the Authorization header says; one of all who need a token asks for it."""
        async with self._asking:
            if time.monotonic() >= self._until:
                began = time.monotonic()
                body = self._granted(await self._ask(http))
                self._token = str(body["access_token"])
                self._until = began + float(str(body.get("expires_in", 0))) - EARLY
        return f"Bearer {self._token}"

    def refused(self) -> bool:
        """Forgets the token; whether it is worth asking once more."""
        had = bool(self._token)
        self._token, self._until = "", 0.0
        return had

    async def _ask(self, http: Http) -> Reply:
        form = {
            "grant_type": "client_credentials",
            "scope": SCOPES,
            "client_assertion_type": ASSERTION,
            "client_assertion": self._assertion(http.address + PATH),
        }
        return await http.send("POST", PATH, headers={}, form=form)

    def _granted(self, reply: Reply) -> Mapping[str, object]:
        body = reply.body if isinstance(reply.body, dict) else {}
        if reply.status == CROWDED:
            raise UnreachableError("Okta is asked too often", retry_after=wait(reply))
        if reply.is_ok and body.get("access_token"):
            return body
        said = body.get("error_description") or body.get("error") or f"status {reply.status}"
        raise RefusedError(f"Okta gives the application {self._client.id} no access: {said}")

    def _assertion(self, audience: str) -> str:
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "kid": self._client.key_id}
        claims = {
            "iss": self._client.id,
            "sub": self._client.id,
            "aud": audience,
            "iat": now,
            "exp": now + LASTS,
            "jti": secrets.token_urlsafe(16),
        }
        word = f"{_encoded(header)}.{_encoded(claims)}"
        signature = self._key.sign(word.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{word}.{_base64(signature)}"


def wait(reply: Reply) -> float | None:
    """Seconds until the limit is reset, by Okta's own clock."""
    reset = reply.number("X-Rate-Limit-Reset")
    if reset is None:
        return None
    try:
        now = parsedate_to_datetime(reply.header("Date"))
    except ValueError:
        return None
    return max(1.0, reset - now.timestamp())


def _encoded(part: Mapping[str, object]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
