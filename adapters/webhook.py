"""Access through a company's own service: signed calls, and answers that say what came of them.

Rules that this adapter keeps:

- One POST a verb, to `<url>/<verb>`, signed; `docs/adapters/webhook.openapi.yml` describes all.
- What the service can do stands in the settings (`can`) and is asked of it nowhere else.
- The status says what to do next: 200 done, 202 taken on, 429 and 5xx later, all others no.
- Redirects are not followed: nobody else gets to see what is signed.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

import aiohttp
from pydantic import AfterValidator, Field, HttpUrl, SecretStr, field_validator

from adapters import _json_protocol as protocol
from adapters._json_adapter import JsonAdapter, JsonSettings
from adapters._webhook_signature import key_of, signed
from adapters.base import (
    Order,
    PendingError,
    ProviderSettings,
    RefusedError,
    UnreachableError,
)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
LOOK_AGAIN = 5.0
"""Seconds until a call that was taken on is repeated where the service does not say when."""


def _private(url: HttpUrl) -> HttpUrl:
    if url.scheme != "https" and url.host not in LOOPBACK:
        raise ValueError("must begin with https://; plain http is for this machine only")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("has neither a name and password nor anything behind ? or #")
    return url


class WebhookSettings(JsonSettings):
    """The provider's block. `can` is what the service promises beyond grant, revoke and verify."""

    url: Annotated[HttpUrl, AfterValidator(_private)]
    secret: SecretStr
    connections: int = Field(default=8, ge=1, le=50)

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: SecretStr) -> SecretStr:
        key_of(secret.get_secret_value())
        return secret


class WebhookAdapter(JsonAdapter):
    """See the module."""

    kind: ClassVar[str] = "webhook"
    whose: ClassVar[str] = "the service"
    Settings: ClassVar[type[ProviderSettings]] = WebhookSettings

    settings: WebhookSettings

    def __init__(self, name: str, settings: WebhookSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        self._url = str(settings.url).rstrip("/")
        self._key = key_of(settings.secret.get_secret_value())
        self._session: aiohttp.ClientSession | None = None

    def makes(self, params: Mapping[str, Any]) -> str:
        """What only the other side knows; what it is told of it."""
        access = ", ".join(f"{key} {value}" for key, value in params["access"].items())
        return f"what the service at {self._url} makes of: {access or 'nothing further'}"

    def cleanup(self, order: Order) -> str:
        """Whom to ask: only the service's owners know what it makes."""
        return f"Ask the owners of {self._url} to remove everything that carries {order.mark}."

    async def aclose(self) -> None:
        """Closes the kept connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # --- the wire -----------------------------------------------------------------------------

    async def _send(self, verb: str, body: bytes) -> bytes:
        headers = {"content-type": "application/json", **signed(self._key, body)}
        try:
            async with self._connected().post(
                f"{self._url}/{verb}", data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = await _whole(response)
        except aiohttp.ClientError as error:
            why = type(error).__name__
            raise UnreachableError(f"the service was not reached: {why}") from None
        _require_done(response, answer)
        return answer

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self.settings.connections),
                timeout=aiohttp.ClientTimeout(total=self.call_limit),
                headers={"user-agent": "Curfew"},
                trust_env=True,
            )
        return self._session


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        answer += chunk
        if len(answer) > protocol.ANSWER_LIMIT:
            raise UnreachableError("the service's answer is too long to be one")
    return bytes(answer)


def _require_done(response: aiohttp.ClientResponse, answer: bytes) -> None:
    """Raises what the status means; nothing where it is done."""
    status = response.status
    if status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
        return
    said = protocol.spoken(answer, f"the service answered {status}")
    wait = _seconds(response.headers.get("retry-after"))
    if status == HTTPStatus.ACCEPTED:
        taken_on = said if b'"error"' in answer else "the service took it on"
        raise PendingError(taken_on, retry_after=LOOK_AGAIN if wait is None else wait)
    if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnreachableError(said, retry_after=wait)
    raise RefusedError(said)


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; the form with a date is not looked at (RFC 9110, 10.2.3)."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
