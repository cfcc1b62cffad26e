"""HTTP to a provider's API: few connections, kept open, nothing sent to another place.

What is asked for here may be sent twice, so it must be repeatable: a connection that died while
nobody used it is found out by using it.
"""

import asyncio
import json
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import MultiMapping
from pydantic import AfterValidator
from yarl import URL

from adapters.base import RefusedError, UnreachableError

T = TypeVar("T")

OK = 200
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
CROWDED = 429
BROKEN = 500

_TLS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)


def api_address(text: str) -> str:
    """An address that a token may be sent to, without the slash at its end."""
    parts = urlsplit(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("an address such as https://host.example.com is needed")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("the address holds no login, no ? and no #")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("a token goes over https:// only, but to this machine itself")
    return text.rstrip("/")


Address = Annotated[str, AfterValidator(api_address)]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered; `body` is the JSON, None where there was none."""

    status: int
    body: Any
    headers: MultiMapping[str]

    @property
    def is_ok(self) -> bool:
        return OK <= self.status < OK + 100

    def header(self, name: str) -> str:
        """Empty where it was not sent; repeated ones are joined by commas."""
        return ", ".join(self.headers.getall(name, ()))

    def number(self, header: str) -> float | None:
        """A header that is a number."""
        try:
            return float(self.header(header))
        except ValueError:
            return None


class Http:
    """Up to `size` connections to one address."""

    def __init__(self, address: str, *, size: int, authority: Path | None = None) -> None:
        """Opens nothing. `authority` is the certificate of who signed the server's own."""
        self.address = address
        self._size = size
        self._authority = authority
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: object = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer, whatever its status below 500; `path` is quoted already.

        Raises `UnreachableError` for 500 and more, for no answer, and for one that is no JSON.
        """
        url = URL(self.address + path, encoded=True)
        payload = None if body is None else json.dumps(body).encode()
        kind = {} if payload is None else {"Content-Type": "application/json"}
        request = {
            "headers": {"Accept": "application/json", **kind, **headers},
            "params": dict(query) if query else None,
            "data": form if payload is None else payload,
            "allow_redirects": False,
        }
        try:
            try:
                return await self._send(method, url, request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                return await self._send(method, url, request)
        except _TLS as error:
            raise RefusedError(f"{self.address} cannot be trusted: {_reason(error)}") from error
        except aiohttp.ClientError as error:
            raise UnreachableError(f"{self.address} does not answer: {_reason(error)}") from error

    async def aclose(self) -> None:
        """Closes the kept connections. May be repeated."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(self, method: str, url: URL, request: Mapping[str, Any]) -> Reply:
        async with self._open().request(method, url, **request) as response:
            raw = await response.read()
            body = _parsed(raw)
            if response.status >= BROKEN:
                raise UnreachableError(f"{self.address} answers with {response.status}")
            if body is None and raw.strip() and response.status < OK + 100:
                raise UnreachableError(f"{self.address} does not answer with JSON: no such API")
            return Reply(response.status, body, response.headers)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context: ssl.SSLContext | bool = True
            if self._authority is not None:
                context = ssl.create_default_context(cafile=self._authority)
            connector = aiohttp.TCPConnector(limit=self._size, ssl=context)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=proxy_for(self.address),
            )
        return self._session


def proxy_for(address: str) -> str | None:
    """The proxy that the environment names for this address, as `HTTPS_PROXY` and `NO_PROXY` say.

    aiohttp's own `trust_env` asks a thread for it, and for a netrc file, at each request.
    """
    parts = urlsplit(address)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _parsed(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(raw) if raw.strip() else None
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
        return error.os_error.strerror
    return str(error) or type(error).__name__


async def together(*calls: Coroutine[Any, Any, T]) -> list[T]:
    """What all of them return, side by side; the first error when all have come to their end."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
