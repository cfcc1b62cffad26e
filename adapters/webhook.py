"""Access through a company's own service: signed calls, and answers that say what came of them.

Rules that this adapter keeps:

- One POST a verb, to `<url>/<verb>`, signed; `docs/adapters/webhook.openapi.yml` describes all.
- What the service can do stands in the settings (`can`) and is asked of it nowhere else.
- The status says what to do next: 200 done, 202 taken on, 429 and 5xx later, all others no.
- Redirects are not followed: nobody else gets to see what is signed.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, TypeVar

import aiohttp
from pydantic import AfterValidator, Field, HttpUrl, JsonValue, SecretStr, field_validator

from adapters import _json_protocol as protocol
from adapters._webhook_signature import key_of, signed
from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    PendingError,
    Presence,
    ProviderSettings,
    RefusedError,
    Session,
    UnreachableError,
)

S = TypeVar("S", bound=protocol.Shape)

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


class WebhookSettings(ProviderSettings):
    """The provider's block. `can` is what the service promises beyond grant, revoke and verify."""

    url: Annotated[HttpUrl, AfterValidator(_private)]
    secret: SecretStr
    can: frozenset[protocol.Can] = frozenset({"per_grant"})
    connections: int = Field(default=8, ge=1, le=50)

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: SecretStr) -> SecretStr:
        key_of(secret.get_secret_value())
        return secret


class WebhookParams(GrantParams):
    """A resource's `grant` block: `access` is the service's own, sent as it is."""

    access: dict[str, JsonValue]


class WebhookAdapter(Adapter):
    """See the module."""

    kind: ClassVar[str] = "webhook"
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
        | Caps.WATCHES_SESSIONS
    )
    settle: ClassVar[timedelta] = timedelta(seconds=30)
    forms: ClassVar[Mapping[str, Caps]] = {"can: [per_grant]": Caps.PER_GRANT}
    Settings: ClassVar[type[ProviderSettings]] = WebhookSettings
    Params: ClassVar[type[GrantParams]] = WebhookParams

    settings: WebhookSettings

    def __init__(self, name: str, settings: WebhookSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        self.capabilities = protocol.caps_of(settings.can)
        self._url = str(settings.url).rstrip("/")
        self._key = key_of(settings.secret.get_secret_value())
        self._session: aiohttp.ClientSession | None = None

    @property
    def knows_people(self) -> bool:
        """As the settings say."""
        return protocol.KNOWS_PEOPLE in self.settings.can

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

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return (await self._ask("probe", protocol.Missing)).missing

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        return (await self._ask("probe", protocol.Missing, access=params["access"])).missing

    async def _counterpart(self, order: Order) -> str | None:
        return (await self._ask("counterpart", protocol.Counterpart, order)).missing

    async def _grant(self, order: Order) -> None:
        await self._ask("grant", protocol.Done, order)

    async def _revoke(self, order: Order) -> None:
        await self._ask("revoke", protocol.Done, order)

    async def _verify(self, order: Order) -> Presence:
        return (await self._ask("verify", protocol.Found, order)).presence

    async def _issue(self, order: Order) -> Credential:
        return (await self._ask("issue", protocol.Issued, order)).credential

    async def _owned(self) -> frozenset[str]:
        return (await self._ask("owned", protocol.Owned)).grants

    async def _sessions(self, order: Order) -> tuple[Session, ...]:
        return (await self._ask("sessions", protocol.Sessions, order)).open

    def _fact(self, order: Order) -> str:
        return protocol.fact(order, self.name, self.kind)

    # --- the wire -----------------------------------------------------------------------------

    async def _ask(
        self, verb: str, shape: type[S], order: Order | None = None, **more: object
    ) -> S:
        document = {**(protocol.order_json(order) if order else {}), **more, "verb": verb}
        body = protocol.encoded(document)
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
        return protocol.read(shape, answer, whose="the service")

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
