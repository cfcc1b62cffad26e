"""The real program as a process of its own, and every place where it could leave a secret."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
import psycopg
from psycopg import sql

from sandbox import SandboxServer, read_manifest
from tests.measured import MEASURED
from tests.security.house import MANIFEST, POLICY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.demo.shop import Shop

METRICS_TOKEN: Final = "a-token-for-the-figures"
ROOT: Final = MANIFEST.parent
START_WITHIN: Final = 30.0


@dataclass(slots=True)
class Program:
    """`curfew run` at work, with all that it says. `url` is where its web server listens."""

    sandbox: SandboxServer
    process: asyncio.subprocess.Process
    folder: Path
    database_url: str
    environ: dict[str, str]
    url: str = ""

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def ready(self) -> None:
        """Return as soon as it says so. Fails with its log when it ends instead."""
        async with asyncio.timeout(START_WITHIN):
            while not self.url:
                assert self.process.returncode is None, self.log
                for line in self.log.splitlines():
                    said = json.loads(line) if line.startswith("{") else {}
                    self.url = said.get("url", self.url) if said.get("message") == "ready" else ""
                await asyncio.sleep(0.05)

    async def end(self) -> None:
        """SIGTERM, as an init system sends it."""
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()

    async def command(self, *words: str) -> str:
        """What another `curfew …` beside it says, both streams together."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            cwd=self.folder,
            env=self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return said.decode()

    async def pages(self) -> dict[str, str]:
        """What the web server says to anybody, and to who holds the token."""
        told = {}
        async with aiohttp.ClientSession() as session:
            for path in ("/healthz", "/readyz", "/metrics", "/slack/events", "/hooks/pager"):
                for given in ({}, {"Authorization": f"Bearer {METRICS_TOKEN}"}):
                    async with session.get(f"{self.url}{path}", headers=given) as answer:
                        heads = json.dumps(dict(answer.headers))
                        told[f"{path} {bool(given)}"] = heads + await answer.text()
        return told

    def rows(self) -> dict[str, str]:
        """Every table of the bot's own database, and on SQLite the bytes of its files."""
        if self.database_url.startswith("sqlite"):
            return dict(self._sqlite_rows())
        return dict(self._postgres_rows())

    def _sqlite_rows(self) -> Iterator[tuple[str, str]]:
        path = self.folder / "curfew.db"
        with closing(sqlite3.connect(path)) as conn:
            found = conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in found:
                yield name, repr(conn.execute(f'SELECT * FROM "{name}"').fetchall())
        for file in self.folder.glob("curfew.db*"):
            yield file.name, file.read_bytes().decode("latin-1")

    def _postgres_rows(self) -> Iterator[tuple[str, str]]:
        with psycopg.connect(self.database_url.replace("+psycopg", "")) as conn:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            for (name,) in conn.execute(tables).fetchall():
                query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(name))
                yield name, repr(conn.execute(query).fetchall())

    def files(self) -> dict[str, str]:
        """What it wrote beside its database."""
        names = ("log", "audit.key", "audit.key.checkpoint", "policy.yml")
        found = [self.folder / name for name in names]
        return {path.name: path.read_text() for path in found if path.exists()}

    def slack(self) -> dict[str, str]:
        """All that Slack holds of it: messages, metadata, Home tabs, open forms, each call."""
        sandbox = self.sandbox
        told = {
            f"call {entry['n']} {entry.get('method')}": json.dumps(entry, default=str)
            for entry in sandbox.traffic.since()
        }
        for user in sandbox.workspace.users:
            person = sandbox.person(user)
            told[f"messages of {user}"] = json.dumps(person.everything())
            told[f"home of {user}"] = json.dumps(person.home)
            told[f"form of {user}"] = json.dumps(person.modal)
        return told


@asynccontextmanager
async def program(
    shop: Shop, folder: Path, database_url: str, *, road: str
) -> AsyncIterator[Program]:
    """`curfew run` at DEBUG, with its secrets in the environment as an operator gives them."""
    (folder / "policy.yml").write_text(POLICY)
    (folder / "policy.yml").chmod(0o600)
    async with SandboxServer(manifest=read_manifest(MANIFEST)) as sandbox:
        secret = {"SLACK_SIGNING_SECRET": sandbox.signing_secret}
        transport = {"SLACK_APP_TOKEN": sandbox.app_token} if road == "socket" else secret
        environ = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            **MEASURED,
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_API_URL": sandbox.api_url,
            "DATABASE_URL": database_url,
            "ORDERS_ADMIN_DSN": shop.admin_dsn,
            "CURFEW_PORT": "0",
            "CURFEW_LOG_LEVEL": "DEBUG",
            "CURFEW_LOG_FORMAT": "json",
            "CURFEW_METRICS_TOKEN": METRICS_TOKEN,
            **transport,
        }
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                cwd=folder,
                env=environ,
                stdout=log,
                stderr=log,
            )
        running = Program(sandbox, process, folder, database_url, environ)
        try:
            await running.ready()
            if road == "http":
                sandbox.delivery.request_url = f"{running.url}/slack/events"
            else:
                await sandbox.connected()
            yield running
        finally:
            await running.end()
