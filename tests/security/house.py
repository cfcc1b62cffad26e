"""The whole bot as it is shipped, with a real PostgreSQL to protect, and doors to attack it by.

Composed by `bot.app.bot.running`, as `curfew run` does. People and Slack are the sandbox's, over
signed HTTP or Socket Mode; the protected database is a server of its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from bot.app.bot import Bot, running
from bot.config.settings import Settings
from bot.domain.grant import State
from bot.storage import store
from sandbox import SandboxServer, read_manifest
from sandbox.player import text_of
from sandbox.seed import DANA, GARY, MAYA, OLGA, OMAR, STELLA
from tests.security.forge import Forge, Json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from bot.demo.shop import Shop
    from bot.domain.grant import Grant
    from bot.domain.record import SealedEvent
    from bot.storage.database import Database
    from sandbox.player import Player

MANIFEST: Final = Path(__file__).parents[2] / "manifest.yml"
LINE: Final = "/access prod-db 30m fix the stuck order"
WITHIN: Final = 10.0
LANDED: Final = 40.0
"""For an end that a call under way holds up: a lease, and what the provider takes to settle."""
GLANCE: Final = 0.01

POLICY: Final = """\
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
admins: [S0OPS]
groups: {backend: [S0BACKEND], dba: [S0DBA]}
defaults: {duration: 30m, max_duration: 4h}
providers:
  orders-pg: {adapter: postgres, dsn: "${ORDERS_ADMIN_DSN}"}
resources:
  prod-db:
    provider: orders-pg
    grant: {roles: [app_readonly], database: orders}
    requesters: [group:backend, U0OMAR]
    approvers: [group:dba]
    extend: {approvals: 0}
    max_duration: 1h
  vault:
    provider: orders-pg
    grant: {roles: [app_owner], database: orders}
    requesters: [group:backend]
    approvers: ["@dba", maya@example.com, U0OLGA]
    approvals: 2
"""


@dataclass(slots=True)
class House(Forge):
    """One running bot. Everything that a person or a thief can reach hangs on it."""

    bot: Bot
    sandbox: SandboxServer
    shop: Shop
    policy: Path
    settings: Settings
    directory_age: float = field(default=0.0)

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

    @property
    def gary(self) -> Player:
        return self.sandbox.person(GARY)

    @property
    def stella(self) -> Player:
        return self.sandbox.person(STELLA)

    async def told(self, player: Player, line: str) -> str:
        """What somebody's line is answered with, as text."""
        said = await player.command(line)
        return text_of(said.get("response"))

    async def asked(self, line: str = LINE) -> Json:
        """Dana asks; the card, as Maya sees it."""
        said = await self.dana.command(line)
        assert "Asked for" in text_of(said["response"]), said
        return await self.maya.waits_for("Approve shorter", channel="approvals")

    async def active(self) -> Grant:
        """Dana asked, Maya approved, and the provider did it."""
        card = await self.asked()
        await self.maya.click("Approve", message=card)
        return await self.until(State.ACTIVE)

    async def password(self) -> str:
        """Dana presses Get credentials, and reads the password off the form."""
        granted = await self.dana.waits_for("Get credentials")
        await self.dana.click("Get credentials", message=granted)
        shown = text_of(await self.dana.waits_for_modal("postgresql://"))
        dsn = next(word for word in shown.split() if word.startswith("postgresql://"))
        return str(conninfo_to_dict(dsn)["password"])

    # --- rows ---------------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        return self.bot.engine.database

    async def grants(self) -> list[Grant]:
        return await self.database.read(lambda conn: store.list_grants(conn, limit=200))

    async def only(self) -> Grant:
        [grant] = await self.grants()
        return grant

    async def until(self, state: State, within: float = WITHIN) -> Grant:
        """Wait for the only grant to get there; the engine works by itself."""
        async with asyncio.timeout(within):
            while (grant := await self.only()).state is not state:  # noqa: ASYNC110 - rows give no event to wait for
                await asyncio.sleep(GLANCE)
        return grant

    async def events(self) -> list[SealedEvent]:
        return await self.database.read(lambda conn: store.events_page(conn, 0, 10_000))

    async def kinds(self) -> list[str]:
        return [event.kind.value for event in await self.events()]

    async def refusals(self) -> list[str]:
        """The codes of everything that was refused, as they stand in the log."""
        found = [e for e in await self.events() if e.kind.value.endswith(".refused")]
        return [str(json.loads(event.body)["data"]["code"]) for event in found]

    # --- time ---------------------------------------------------------------------------------

    def pass_time(self, length: timedelta) -> None:
        """For rows and the engine; Slack's signatures stay of now."""
        self.database.clock.offset += length
        self.bot.engine.poke()

    def age_directory(self) -> None:
        """What is known about people and groups is over a minute old now."""
        self.directory_age += 61.0
        people = self.bot.slack.people
        for looks in (people._accounts, people._groups, people._addresses, people._managers):
            looks._now = lambda: time.monotonic() + self.directory_age

    # --- the protected database ---------------------------------------------------------------

    def look(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows, as the admin role of the protected database sees them."""
        with psycopg.connect(self.shop.admin_dsn, autocommit=True) as conn:
            return conn.execute(query.encode(), values).fetchall()

    def logins(self) -> list[str]:
        """The roles that Curfew made there."""
        found = self.look(
            r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'curfew\_%%' ORDER BY 1"
        )
        return [name for (name,) in found if name != "curfew_admin"]


@asynccontextmanager
async def house(
    shop: Shop, url: str, folder: Path, *, road: str = "http", policy: str = POLICY
) -> AsyncIterator[House]:
    """A bot at work; `road` is `http` or `socket`."""
    path = folder / "policy.yml"
    path.write_text(policy)
    path.chmod(0o600)
    async with AsyncExitStack() as stack:
        sandbox = SandboxServer(manifest=read_manifest(MANIFEST))
        await stack.enter_async_context(sandbox)
        settings = settings_of(sandbox, url, folder, road=road)
        environ = {"ORDERS_ADMIN_DSN": shop.admin_dsn}
        bot = await stack.enter_async_context(running(settings, lambda: environ))
        serving = asyncio.create_task(bot.serve())
        try:
            if road == "http":
                sandbox.delivery.request_url = f"{bot.web.url}/slack/events"
            else:
                await sandbox.connected()
            yield House(bot, sandbox, shop, path, settings)
        finally:
            bot.stopping.set()
            await serving


def settings_of(sandbox: SandboxServer, url: str, folder: Path, *, road: str) -> Settings:
    """As an operator would set them, but for where Slack is."""
    is_http = road == "http"
    return Settings(
        _env_file=None,
        SLACK_BOT_TOKEN=SecretStr(sandbox.bot_token),
        SLACK_APP_TOKEN=None if is_http else SecretStr(sandbox.app_token),
        SLACK_SIGNING_SECRET=SecretStr(sandbox.signing_secret) if is_http else None,
        SLACK_API_URL=sandbox.api_url,
        CURFEW_POLICY=folder / "policy.yml",
        CURFEW_AUDIT_KEY=folder / "audit.key",
        DATABASE_URL=SecretStr(url),
        CURFEW_HOST="127.0.0.1",
        CURFEW_PORT=0,
    )
