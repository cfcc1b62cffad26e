"""The adapter's way to AWS: boto3 in threads, each request bounded, its own retries off.

The engine repeats calls and keeps the distance; a library that did so as well would hide what goes
wrong, and hold a grant's call longer than its limit.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import boto3
from botocore import exceptions as boto
from botocore.config import Config
from botocore.credentials import CredentialResolver, DeferredRefreshableCredentials
from botocore.loaders import create_loader
from botocore.session import Session, get_session

from adapters._threads import Threads
from adapters.aws._account import AwsSettings
from adapters.aws._errors import ABSENT, code_of, translated
from adapters.base import PendingError, RefusedError, UnreachableError

T = TypeVar("T")
Answer = dict[str, Any]

SESSION_NAME: Final = "curfew"
"""How the bot itself is called where it assumes a role, in CloudTrail."""

LAST_REQUEST: Final = 0.85
"""The part of a call's time after which no further request is begun."""

LAST_WAIT: Final = 0.7
"""The part after which nothing is waited for: the look that follows still has its time."""


for name in ("boto3", "botocore"):
    # at DEBUG it writes whole answers down, and with them the credentials that AWS hands out
    logging.getLogger(name).setLevel(logging.INFO)


class Calls:
    """Requests of one piece of work, in its thread, until its time is up."""

    def __init__(self, link: "Aws", deadline: float) -> None:
        """`deadline` is on the monotonic clock: no request begins after it."""
        self._link = link
        self._deadline = deadline

    def __call__(self, service: str, operation: str, **params: object) -> Answer:
        """One request. Raises the errors of the contract."""
        if time.monotonic() >= self._deadline:
            raise UnreachableError("AWS was too slow: the call's time was up")
        try:
            answer: Answer = getattr(self._link.client(service), operation)(**params)
        except (boto.ClientError, boto.BotoCoreError) as error:
            raise translated(error) from error
        return answer

    def found(self, service: str, operation: str, **params: object) -> Answer | None:
        """The same, None where AWS has no such thing."""
        try:
            return self(service, operation, **params)
        except RefusedError as error:
            if code_of(error) not in ABSENT:
                raise
            return None

    def pages(
        self, service: str, operation: str, token: tuple[str, str], **params: object
    ) -> Iterator[Answer]:
        """Every page of a list; `token` is its key in the answer and in the next request."""
        answer = self(service, operation, **params)
        yield answer
        while following := answer.get(token[0]):
            answer = self(service, operation, **params, **{token[1]: following})
            yield answer


@dataclass(frozen=True, slots=True)
class Turn:
    """One hook's requests: they share its time, and wait for those of the mark's former hook."""

    link: "Aws"
    mark: str | None
    began: float
    limit: float

    @property
    def deadline(self) -> float:
        """No request begins after it; on the monotonic clock."""
        return self.began + self.limit * LAST_REQUEST

    async def ask(self, service: str, operation: str, **params: object) -> Answer:
        """One request."""
        return await self.run(lambda calls: calls(service, operation, **params))

    async def run(self, work: Callable[[Calls], T]) -> T:
        """Several requests in one go, in a thread."""
        calls = Calls(self.link, self.deadline)
        return await self.link.threads.run(partial(work, calls), mark=self.mark)

    async def pause(self, seconds: float, waiting_for: str, *, retry_after: float) -> None:
        """Waits between two looks; raises `PendingError` where the time does not reach that far."""
        if time.monotonic() + seconds >= self.began + self.limit * LAST_WAIT:
            raise PendingError(waiting_for, retry_after=retry_after)
        await asyncio.sleep(seconds)


class Aws:
    """One provider's clients. Opens nothing before the first request."""

    def __init__(self, name: str, settings: AwsSettings, *, call_limit: float) -> None:
        """`call_limit` is the adapter's, in seconds."""
        self.threads = Threads(f"aws-{name}", settings.connections)
        self._settings = settings
        self._call_limit = call_limit
        self._building = threading.Lock()
        self._sessions: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}
        self._config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=max(0.2, min(3.0, call_limit * 0.3)),
            read_timeout=max(0.2, call_limit * 0.8),
            max_pool_connections=settings.connections,
            tcp_keepalive=True,
        )

    def turn(self, mark: str | None = None) -> Turn:
        """Begins the time of one hook."""
        return Turn(self, mark, time.monotonic(), self._call_limit)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        """The client of one service, made once. Called in threads."""
        with self._building:
            return self._made("bot", service)

    async def aclose(self) -> None:
        """Waits for what runs, then closes threads and connections. May be repeated."""
        await self.threads.aclose()
        clients, self._clients, self._sessions = self._clients, {}, {}
        for client in clients.values():
            client.close()

    def _made(self, who: str, service: str) -> Any:  # noqa: ANN401 - as above
        key = f"{who}:{service}"
        if key not in self._clients:
            self._clients[key] = self._session(who).client(
                service, config=self._config, endpoint_url=self._settings.endpoint_url
            )
        return self._clients[key]

    def _session(self, who: str) -> Any:  # noqa: ANN401 - as above
        """`base` has the credentials that were given or found; `bot` those of the role, if any."""
        if who not in self._sessions:
            settings, core = self._settings, get_session()
            core.register_component("data_loader", _loader())
            given: dict[str, str | None] = {}
            if who == "bot" and settings.role is not None:
                _assuming(core, partial(self._assumed, settings.role))
            elif settings.access_key_id is not None:
                given = {
                    "aws_access_key_id": settings.access_key_id,
                    "aws_secret_access_key": _shown(settings.secret_access_key),
                    "aws_session_token": _shown(settings.session_token),
                }
            self._sessions[who] = boto3.Session(
                botocore_session=core, region_name=settings.region, **given
            )
        return self._sessions[who]

    def _assumed(self, role: str) -> dict[str, str]:
        """Fresh credentials of the role, in the form that botocore refreshes by."""
        outside = _shown(self._settings.external_id)
        answer = self._made("base", "sts").assume_role(
            RoleArn=role,
            RoleSessionName=SESSION_NAME,
            **({"ExternalId": outside} if outside else {}),
        )["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }


class _Role:
    """A provider of credentials as botocore looks for them."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, refresh: Callable[[], dict[str, str]]) -> None:
        self._refresh = refresh

    def load(self) -> Any:  # noqa: ANN401 - botocore ships no types
        return DeferredRefreshableCredentials(refresh_using=self._refresh, method=self.METHOD)


def aws_time(answer: Answer) -> datetime:
    """AWS's own clock when it answered, in whole seconds; ours where it does not say."""
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC).replace(microsecond=0)


def _assuming(core: Session, refresh: Callable[[], dict[str, str]]) -> None:
    core.register_component("credential_provider", CredentialResolver([_Role(refresh)]))


def _shown(secret: Any) -> str | None:  # noqa: ANN401 - a SecretStr or None
    return secret.get_secret_value() if secret is not None else None


@lru_cache(maxsize=1)
def _loader() -> Any:  # noqa: ANN401 - botocore ships no types
    """The descriptions of services, read once by all providers."""
    return create_loader()
