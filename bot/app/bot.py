"""The bot, put together from its rooms and kept running.

Order of the start: what can be wrong with the settings is found before anything is touched outside;
what ends access works before Slack is let in. The stop goes the other way round.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog

from adapters.base import AdapterError
from bot.app.errors import WorkspaceError
from bot.app.looks import Looks
from bot.app.policies import PolicyKeeper, Source, told
from bot.app.slack_side import SlackSide, secret_of
from bot.config.audit_key import load_or_make
from bot.config.settings import Settings
from bot.domain.grant import AT_PROVIDER
from bot.domain.record import EventKind
from bot.engine.engine import Engine
from bot.engine.proving import Witness
from bot.observability.figures import CONTENT_TYPE, Figures, Gauges, exposition
from bot.slack.checks import AWAY_HINT
from bot.slack.client import open_client
from bot.slack.words import Words
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.web.health import Health
from bot.web.server import AwayError, Routes, WebServer

log = structlog.get_logger("curfew")

GLANCE: Final = 0.05
FAREWELL_GLANCES: Final = 30
"""A stop waits a second and a half for its own line to reach the audit channel."""


@dataclass(slots=True)
class Bot:
    """A running bot. `stopping` is set by whoever wants it to end, `nudged` to read the policy."""

    engine: Engine
    slack: SlackSide
    web: WebServer
    policies: PolicyKeeper
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    nudged: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Runs until `stopping` is set. Raises what ended one of its standing tasks."""
        engine = self.engine
        standing = [
            asyncio.create_task(work, name=name)
            for name, work in {
                "policy file": self.policies.follow(
                    engine, engine.database, self.nudged, accepted=self.slack.check
                ),
                "user groups": self.slack.people.warm(),
                "workspace": self.slack.keep_checking(),
                "stop": self._wait(),
            }.items()
        ]
        try:
            done, _ = await asyncio.wait(standing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in standing:
                task.cancel()
            await asyncio.gather(*standing, return_exceptions=True)

    async def _wait(self) -> None:
        await self.stopping.wait()


@asynccontextmanager
async def running(
    settings: Settings, environ: Callable[[], Mapping[str, str]]
) -> AsyncIterator[Bot]:
    """A bot that works from entering to leaving. `environ` is what `${NAME}` in the policy means.

    Raises `ConfigurationError`, `WordsError`, the storage's errors and `PortError` for a start that
    cannot be.
    """
    words = Words(settings.templates)
    policies = PolicyKeeper(Source(settings.policy, environ))
    policies.open()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            await Database.open(
                settings.database_url.get_secret_value(), exclusive=True, migrate=True
            )
        )
        signer = load_or_make(settings.audit_key)
        client = await stack.enter_async_context(
            open_client(_token(settings), settings.slack_api_url)
        )
        figures = Figures()
        slack = SlackSide(settings, client, policies=policies, meter=figures, words=words)
        await _check(slack, database)
        engine = Engine(
            database=database,
            policies=policies,
            directory=slack.people,
            adapters=policies.shelf.adapters,
            poster=slack.poster,
            meter=figures,
            signer=signer,
            witness=Witness.beside(settings.audit_key),
        )
        slack.attach(engine, now=database.clock.now)
        web = WebServer(
            _routes(settings, engine, slack, policies, figures),
            host=settings.host,
            port=settings.port,
        )
        # The port first: two starts by mistake end here, before the second one says anything.
        await web.start()
        stack.push_async_callback(web.stop)
        await engine.start()
        stack.push_async_callback(_close_adapters, policies)
        stack.push_async_callback(engine.stop)
        await _announce(engine, policies, settings)
        stack.push_async_callback(_farewell, engine)
        stack.push_async_callback(slack.stop)
        await slack.start()
        log.info("ready", url=web.url, mode=settings.mode.value, database=database.kind)
        yield Bot(engine, slack, web, policies)
        log.info("stopping")


def _token(settings: Settings) -> str:
    return secret_of(settings.slack_bot_token)


async def _check(slack: SlackSide, database: Database) -> None:
    """Raises `WorkspaceError` for what an operator must mend, unless somebody has access now.

    Then we start all the same: what has to end must end, and `/readyz` and the log say what is
    wrong. That Slack is away at the moment is no reason either.
    """
    findings = await slack.check()
    for finding in findings:
        log.warning("workspace", problem=finding.message, hint=finding.hint)
    wrong = [one for one in findings if one.fatal and one.hint != AWAY_HINT]
    if not wrong:
        return
    held = await database.read(partial(store.list_grants, states=AT_PROVIDER, limit=1))
    if not held:
        raise WorkspaceError(wrong)
    log.error("started in spite of it, because there is access to be ended")


def _routes(
    settings: Settings, engine: Engine, slack: SlackSide, policies: PolicyKeeper, figures: Figures
) -> Routes:
    gauges = Gauges(
        engine.database,
        engine,
        policy_accepted=lambda: policies.rejected is None,
        slack_connections=lambda: slack.connections,
    )
    figures.registry.register(gauges)
    looks = Looks(engine.database, policies)
    token = settings.metrics_token
    return Routes(
        health=Health(
            lambda: engine.tick_age,
            {
                "database": looks.database,
                "slack": slack.look,
                "policy": looks.policy,
                "overdue": looks.overdue,
                "restore": looks.restore,
                "outbox": looks.outbox,
            },
        ),
        scrape=partial(exposition, figures, gauges),
        scrape_type=CONTENT_TYPE,
        metrics_token=token.get_secret_value() if token else None,
        slack=slack.endpoint,
        document=partial(_document, engine),
    )


async def _document(engine: Engine, provider: str, name: str) -> bytes | None:
    """What a provider shows to its machines, through its bulkhead."""
    try:
        return await engine.providers.document(provider, name)
    except AdapterError as error:
        log.warning("nothing to show", provider=provider, document=name, error=str(error))
        raise AwayError from None


async def _announce(engine: Engine, policies: PolicyKeeper, settings: Settings) -> None:
    """What came into force with this start. The rules may have changed while we were down."""
    await engine.use(policies.current, policies.shelf.adapters)
    await engine.note(EventKind.POLICY_LOADED, **told(policies.current))
    await engine.note(
        EventKind.BOT_STARTED,
        version=version("curfew"),
        replica=engine.database.replica,
        mode=settings.mode.value,
    )


async def _farewell(engine: Engine) -> None:
    """The last line, and a moment for it to be told; what is not told waits for the next start."""
    try:
        await engine.note(EventKind.BOT_STOPPED, replica=engine.database.replica)
        for _ in range(FAREWELL_GLANCES):
            if (await engine.database.read(store.notice_backlog))[0] == 0:
                return
            await asyncio.sleep(GLANCE)
    except StorageError as error:
        log.warning("the stop could not be written down", error=error.message)


async def _close_adapters(policies: PolicyKeeper) -> None:
    await asyncio.gather(*(one.aclose() for one in policies.shelf.adapters.values()))
