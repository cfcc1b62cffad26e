"""Everything of Slack in one piece: the way out, the way in, and how well both work."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.config.settings import Mode, Settings
from bot.domain.errors import ProgramError
from bot.domain.grant import Grant
from bot.domain.policy import Policy
from bot.engine.ports import Meter, PolicySource
from bot.engine.reading import Reading
from bot.engine.service import Service
from bot.slack.callings import Callings
from bot.slack.calls import Calls
from bot.slack.checks import AWAY_HINT, Finding, check_workspace
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.connection import Connections
from bot.slack.desk import Desk
from bot.slack.endpoint import Endpoint
from bot.slack.gateway import Gateway
from bot.slack.home_tab import HomeTab
from bot.slack.people import People
from bot.slack.post import SlackPoster
from bot.slack.words import Words
from bot.slack.workspace import Workspace
from bot.storage.database import Database
from bot.web import health

if TYPE_CHECKING:
    from bot.web.server import SlackEndpoint

log = structlog.get_logger("curfew.slack")

APP_TOKEN_CODES: Final = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "not_allowed_token_type",
        "not_authed",
        "token_revoked",
    }
)
LOOK_AGAIN: Final = 60.0
"""Seconds until what was wrong is looked at again."""

LOOK_SELDOM: Final = 600.0
"""Seconds until all is looked at again when nothing was wrong."""

APP_HINT: Final = "Make an app-level token (xapp-…) with connections:write: Basic Information."


class Engine(Protocol):
    """The ways into the engine."""

    @property
    def database(self) -> Database: ...

    @property
    def service(self) -> Service: ...

    @property
    def reading(self) -> Reading: ...

    def changed(self, listener: Callable[[tuple[Grant, ...]], None]) -> None: ...


class SlackSide:
    """Made before the engine, which needs `people` and `poster`; then `attach`, then `start`."""

    def __init__(
        self,
        settings: Settings,
        client: AsyncWebClient,
        *,
        policies: PolicySource,
        meter: Meter,
        words: Words,
    ) -> None:
        """Calls nothing. The settings are those of Socket Mode or HTTP."""
        self._settings = settings
        self._client = client
        self._policies = policies
        self._meter = meter
        self._words = words
        self._workspace = Workspace(client)
        self.people = People(client, self._workspace, policies)
        callings = Callings(self.people, self.people.group_of)
        self.poster = SlackPoster(Calls(client, meter), policies, callings, self._words)
        self._home: HomeTab | None = None
        self._gateway: Gateway | None = None
        self._connections: Connections | None = None
        self.endpoint: SlackEndpoint | None = None
        """What serves /slack/events; None in Socket Mode."""
        self._findings: list[Finding] = []

    # --- life ---------------------------------------------------------------------------------

    def attach(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        """The engine has come to be. Opens nothing yet. `now` is its clock."""
        self.poster.attach(engine.reading)
        self._home = HomeTab(self._client, engine.reading, self._words, self._meter)
        engine.changed(self._home.changed)
        desk = Desk(
            service=engine.service,
            reading=engine.reading,
            policies=self._policies,
            people=self.people,
            workspace=self._workspace,
            client=self._client,
            words=self._words,
            now=now,
        )
        self._gateway = Gateway(
            desk, opened_home=self._home.show, observe_ack=self._meter.observe_ack
        )
        if self._settings.mode is Mode.SOCKET:
            token = secret_of(self._settings.slack_app_token)
            self._connections = Connections(token, self._client, self._gateway.dispatch)
        else:
            secret = secret_of(self._settings.slack_signing_secret)
            self.endpoint = Endpoint(secret, self._gateway.dispatch).handle

    async def start(self) -> None:
        """Let Slack in; over HTTP the web server does."""
        if self._connections is not None:
            await self._connections.start()

    async def stop(self) -> None:
        """Take nothing new, answer what came in, then close. May be repeated."""
        if self._connections is not None:
            await self._connections.stop()
        if self._gateway is not None:
            await self._gateway.stop()
        if self._home is not None:
            await self._home.close()
        await self.people.close()

    # --- how well it works --------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """Open sockets; 0 over HTTP."""
        return self._connections.up if self._connections is not None else 0

    async def check(self) -> list[Finding]:
        """All that is wrong in the workspace now; remembered for `/readyz`."""
        found = await check_tokens(self._client, self._policies.current, self._settings)
        self._findings = found
        return found

    async def keep_checking(self) -> None:
        """Look again from time to time, sooner while something is wrong; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN if self._findings else LOOK_SELDOM)
            for finding in await self.check():
                log.warning("workspace", problem=finding.message, hint=finding.hint)

    async def look(self) -> health.Finding:
        """For `/readyz`."""
        wrong = [finding.message for finding in self._findings if finding.fatal]
        wrong += self.poster.troubles.values()
        if self._connections is not None and not self._connections.ready:
            wrong.append("No socket to Slack is open.")
        figures = {"connections": self.connections} if self._connections is not None else None
        return health.Finding(not wrong, " ".join(dict.fromkeys(wrong)), figures)


async def check_tokens(client: AsyncWebClient, policy: Policy, settings: Settings) -> list[Finding]:
    """All that is wrong in the workspace, and in Socket Mode with the app token. Raises nothing."""
    found = await check_workspace(client, policy)
    if settings.mode is Mode.SOCKET and not any(one.code == "away" for one in found):
        found += await _check_app_token(client, secret_of(settings.slack_app_token))
    return found


async def _check_app_token(client: AsyncWebClient, token: str) -> list[Finding]:
    """A wrong one would else only show as sockets that never open."""
    try:
        await client.apps_connections_open(app_token=token)
    except WIRE_ERRORS as error:
        code = error_code(error)
        if code not in APP_TOKEN_CODES:
            return [Finding("away", f"Slack opens no socket: {code}.", AWAY_HINT)]
        return [Finding("app_token", f"Slack does not accept the app token: {code}.", APP_HINT)]
    return []


def secret_of(secret: SecretStr | None) -> str:
    """The text of a secret that this mode cannot be without."""
    if secret is None:
        raise ProgramError("a Slack secret is missing that the settings promise")
    return secret.get_secret_value()
