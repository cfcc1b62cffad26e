"""One scene: the whole bot as it is shipped, a Slack, a database to protect, and the people.

The bot is composed by `bot.app.bot.running` from settings as an operator would give them. Nothing
in it is replaced; only its clock is moved, and messages are sent without a second between them.
"""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    redirect_stderr,
)
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from bot.app.bot import Bot, running
from bot.config.settings import Settings
from bot.demo.shop import Shop
from bot.domain.grant import Grant, State
from bot.observability.logs import configure_logs
from bot.slack.pace import Pace
from bot.storage import store
from bot.storage.database import Database
from sandbox import Json, Player, SandboxServer, read_manifest
from sandbox.seed import AUDIT, DANA, MAYA, OLGA, OMAR
from tests.stories.credentials import Login, take
from tests.stories.proof import prove_rest

T = TypeVar("T")
Play = Callable[..., AbstractAsyncContextManager["Scene"]]
"""`play(road, database)` opens a scene; see the fixture of that name."""

ROOT: Final = Path(__file__).parents[2]
POLICY: Final = Path(__file__).with_name("policy.yml")
PATIENCE: Final = 20.0
GLANCE: Final = 0.01
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@dataclass(slots=True)
class Scene:
    """A bot at work and everybody around it. `secrets` holds what nobody may ever read."""

    sandbox: SandboxServer
    bot: Bot
    shop: Shop
    folder: Path
    settings: Settings
    log: io.StringIO
    road: str
    logins: list[Login] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    strangers: frozenset[str] = frozenset()
    """Logins that were there before this scene: none of its business."""

    # --- people -------------------------------------------------------------------------------

    @property
    def dana(self) -> Player:
        return self.sandbox.person(DANA)

    @property
    def maya(self) -> Player:
        return self.sandbox.person(MAYA)

    @property
    def omar(self) -> Player:
        return self.sandbox.person(OMAR)

    @property
    def olga(self) -> Player:
        return self.sandbox.person(OLGA)

    # --- what is there ------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        return self.bot.engine.database

    @property
    def policy(self) -> Path:
        """The file that the bot reads."""
        return self.settings.policy

    async def grants(self) -> list[Grant]:
        """All of them, the newest first."""
        return await self.database.read(partial(store.list_grants, limit=100))

    async def only(self) -> Grant:
        [grant] = await self.grants()
        return grant

    async def newest(self) -> Grant:
        return (await self.grants())[0]

    async def kinds(self) -> list[str]:
        """The kinds of all events in the log."""
        page = await self.database.read(lambda conn: store.events_page(conn, 0, 10_000))
        return [event.kind.value for event in page]

    def roles(self) -> set[str]:
        """The temporary logins of this scene that the protected database has now."""
        with psycopg.connect(self.shop.admin_dsn) as conn:
            query = "SELECT rolname FROM pg_roles WHERE rolname ~ '^curfew_[0-9a-z]{12}$'"
            return {str(row[0]) for row in conn.execute(query)} - self.strangers

    async def until(self, found: Callable[[], Awaitable[T | None]], what: str) -> T:
        """What there is to be found in the rows, as soon as it is there."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (there := await found()) is None:  # noqa: ASYNC110 - rows ring no bell
                    await asyncio.sleep(GLANCE)
                return there
        except TimeoutError:
            raise AssertionError(
                f"{what} never came about\n{self.log.getvalue()[-3000:]}"
            ) from None

    async def reaches(self, grant: Grant, state: State) -> Grant:
        """The grant, once it is there."""

        async def found() -> Grant | None:
            now = await self.database.read(partial(store.get_grant, grant_id=grant.id))
            return now if now is not None and now.state is state else None

        return await self.until(found, f"{state} of {grant.id}")

    # --- acts of several people ---------------------------------------------------------------

    async def pass_time(self, length: timedelta) -> None:
        """Move the bot's clock; Slack's too, where no signature hangs on it."""
        self.database.clock.offset += length
        if self.road == "socket":
            self.sandbox.advance(length.total_seconds())
        self.bot.engine.poke()

    async def asked(
        self, line: str = "/access prod-db 30m fix the stuck order", by: Player | None = None
    ) -> Grant:
        """Somebody asks by a line; the card is there."""
        asker = by or self.dana
        before = {grant.id for grant in await self.grants()}
        await asker.command(line)
        [new] = [grant for grant in await self.grants() if grant.id not in before]
        await self.card(new)
        return new

    async def card(self, grant: Grant) -> Json:
        """The card of the request, as soon as it is there."""
        about = {"role": "card", "grant": grant.id}

        def found() -> list[Json]:
            seen = self.maya.sees("#approvals")
            return [one for one in seen if about.items() <= _label(one).items()]

        await self.sandbox.until(found)
        return found()[-1]

    async def told(self, words: str) -> Json:
        """The newest message to Dana in her own conversation with the bot that has these words."""
        conversation = self.sandbox.workspace.dm_with(DANA).id
        return await self.dana.waits_for(words, channel=conversation, within=PATIENCE)

    async def active(self, line: str = "/access prod-db 30m fix the stuck order") -> Grant:
        """Dana asks, Maya approves; the access is there and Dana was told."""
        grant = await self.asked(line)
        await self.maya.click("Approve", message=await self.card(grant))
        active = await self.reaches(grant, State.ACTIVE)
        await self.told("Get credentials")
        return active

    async def logged_in(self) -> Login:
        """Dana presses Get credentials and uses what she is shown."""
        await self.told("Get credentials")
        login = await take(self.dana, self.shop)
        self.logins.append(login)
        self.secrets.append(login.password)
        return login

    async def audit_line(self, words: str) -> Json:
        """The newest line in the audit channel with these words."""
        return await self.olga.waits_for(words, channel=AUDIT, within=PATIENCE)


@asynccontextmanager
async def playing(
    road: str,
    url: str,
    folder: Path,
    shop: Shop,
    *,
    policy: str | None = None,
    given: Mapping[str, str] | None = None,
) -> AsyncIterator[Scene]:
    """A scene from its start to its proven rest: what every story has to leave behind is checked.

    `road` is `http` or `socket`; `url` is of a fresh database with all tables. `policy` is another
    one than the stories' own, `given` the secrets that it names.
    """
    with _logged() as log:
        async with SandboxServer(manifest=read_manifest(ROOT / "manifest.yml")) as sandbox:
            settings = _settings(road, url, folder, sandbox)
            settings.policy.write_text(policy or POLICY.read_text())
            known = {"DEMO_ADMIN_DSN": shop.admin_dsn, **(given or {})}
            async with running(settings, lambda: known) as bot:
                bot.slack.poster._calls._pace = Pace(rate=500.0, burst=500.0)
                serving = asyncio.create_task(bot.serve(), name="the bot")
                if road == "http":
                    sandbox.delivery.request_url = f"{bot.web.url}/slack/events"
                else:
                    await sandbox.connected()
                scene = Scene(sandbox, bot, shop, folder, settings, log, road)
                scene.strangers = frozenset(scene.roles())
                scene.secrets += [sandbox.bot_token, sandbox.app_token, sandbox.signing_secret]
                scene.secrets.append(str(conninfo_to_dict(shop.admin_dsn)["password"]))
                scene.secrets += (given or {}).values()
                try:
                    yield scene
                    await prove_rest(scene)
                finally:
                    for login in scene.logins:
                        await login.session.close()
                    bot.stopping.set()
                    await serving
        said = log.getvalue()
    assert not [secret for secret in scene.secrets if secret in said], "a secret in the log"


def _label(message: Json) -> Json:
    """What a message carries unseen."""
    found: Json = (message.get("metadata") or {}).get("event_payload", {})
    return found


def _settings(road: str, url: str, folder: Path, sandbox: SandboxServer) -> Settings:
    policy = folder / "policy.yml"
    policy.touch()
    policy.chmod(0o600)
    is_http = road == "http"
    return Settings(
        _env_file=None,
        SLACK_BOT_TOKEN=SecretStr(sandbox.bot_token),
        SLACK_APP_TOKEN=None if is_http else SecretStr(sandbox.app_token),
        SLACK_SIGNING_SECRET=SecretStr(sandbox.signing_secret) if is_http else None,
        SLACK_API_URL=sandbox.api_url,
        CURFEW_POLICY=policy,
        CURFEW_AUDIT_KEY=folder / "audit.key",
        DATABASE_URL=SecretStr(url),
        CURFEW_PORT=0,
        CURFEW_LOG_LEVEL="DEBUG",
    ).checked()


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """Everything that the bot logs meanwhile, from DEBUG on, in the form for machines."""
    root, said = logging.getLogger(), io.StringIO()
    before = (list(root.handlers), root.level)
    with redirect_stderr(said):
        configure_logs("DEBUG", "json")
    try:
        yield said
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
