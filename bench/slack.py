"""The real bot as a process of its own, with the sandbox as its Slack, over HTTP; and bare Bolt.

    python -m bench.slack SECRET API_URL PORT

is bare Bolt with its defaults: one command, one ack, nothing else.
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from sandbox import SandboxServer, read_manifest
from sandbox.seed import GENERAL

RESOURCES = 400
PEOPLE = ("U0DANA", "U0OMAR")

POLICY = """\
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
admins: [S0OPS]
providers:
  lab: {adapter: demo}
"""
ORDERS = """\
  orders-pg: {adapter: postgres, dsn: "%s"}
"""
ORDERED = """\
  orders:
    provider: orders-pg
    grant: {roles: [app_readonly]}
    requesters: [anyone]
    approvers: [U0MAYA]
"""
RESOURCE = """\
  r%d: {provider: lab, grant: {level: read}, requesters: [anyone], approvers: [U0MAYA]}
"""


@dataclass(frozen=True)
class Door:
    """Where to post commands, and as which workspace; fit to be handed to another process."""

    url: str
    secret: str
    team: str
    app: str

    async def command(self, session: aiohttp.ClientSession, user: str, text: str) -> float:
        """Seconds until the ack of `/access text`."""
        body = urlencode(
            {
                "team_id": self.team,
                "channel_id": GENERAL,
                "user_id": user,
                "command": "/access",
                "text": text,
                "api_app_id": self.app,
                "trigger_id": f"{time.time_ns()}.1.x",
                "response_url": "http://127.0.0.1:9/none",
            }
        )
        now = str(int(time.time()))
        signature = SignatureVerifier(self.secret).generate_signature(timestamp=now, body=body)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature or "",
        }
        began = time.perf_counter()
        async with session.post(self.url, data=body, headers=headers) as answer:
            told = await answer.text()
            took = time.perf_counter() - began
        assert answer.status == 200, (answer.status, told)
        return took


@dataclass(frozen=True)
class Wire:
    """A running bot."""

    door: Door
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def curfew(resources: int = RESOURCES, *, orders: str | None = None) -> AsyncIterator[Wire]:
    """`python -m bot run` on SQLite, ready to be talked to.

    With `orders`, the DSN of a PostgreSQL, there is one more resource: a role there.
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Path(folder)
        (home / "policy.yml").write_text(_policy(resources, orders))
        async with SandboxServer(manifest=read_manifest(Path("manifest.yml"))) as sandbox:
            port = free_port()
            environ = {
                **{key: value for key, value in os.environ.items() if "SLACK" not in key},
                "SLACK_BOT_TOKEN": sandbox.bot_token,
                "SLACK_SIGNING_SECRET": sandbox.signing_secret,
                "SLACK_API_URL": sandbox.api_url,
                "CURFEW_POLICY": str(home / "policy.yml"),
                "CURFEW_AUDIT_KEY": str(home / "audit.key"),
                "DATABASE_URL": f"sqlite+aiosqlite:///{home / 'curfew.db'}",
                "CURFEW_PORT": str(port),
                "CURFEW_LOG_LEVEL": "ERROR",
            }
            sandbox.delivery.request_url = f"http://127.0.0.1:{port}/slack/events"
            words = [sys.executable, "-m", "bot", "run"]
            async with _process(words, port, sandbox, environ) as wire:
                yield wire


def _policy(resources: int, orders: str | None) -> str:
    lines = "".join(RESOURCE % number for number in range(resources))
    if orders is None:
        return f"{POLICY}resources:\n{lines}"
    return f"{POLICY}{ORDERS % orders}resources:\n{lines}{ORDERED}"


@asynccontextmanager
async def bare_bolt() -> AsyncIterator[Wire]:
    async with SandboxServer(manifest=read_manifest(Path("manifest.yml"))) as sandbox:
        port = free_port()
        words = [sys.executable, "-m", "bench.slack", sandbox.bot_token, sandbox.signing_secret]
        words += [sandbox.api_url, str(port)]
        async with _process(words, port, sandbox, dict(os.environ)) as wire:
            yield wire


@asynccontextmanager
async def _process(
    words: list[str], port: int, sandbox: SandboxServer, environ: dict[str, str]
) -> AsyncIterator[Wire]:
    process = subprocess.Popen(words, env=environ)  # noqa: S603, ASYNC220 - ourselves; started once
    try:
        await _answers(f"http://127.0.0.1:{port}/readyz")
        app, team = sandbox.installation.app_id, sandbox.workspace.team_id
        url = f"http://127.0.0.1:{port}/slack/events"
        yield Wire(Door(url, sandbox.signing_secret, team, app), process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


def _bolt(token: str, secret: str, api_url: str) -> web.Application:
    app = AsyncApp(client=AsyncWebClient(token, base_url=api_url), signing_secret=secret)

    @app.command("/access")
    async def _access(ack: AsyncAck) -> None:
        await ack("asked")

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async def ready(_: web.Request) -> web.Response:
        return web.Response()

    served = web.Application()
    served.add_routes([web.post("/slack/events", events), web.get("/readyz", ready)])
    return served


if __name__ == "__main__":
    web.run_app(
        _bolt(*sys.argv[1:4]), host="127.0.0.1", port=int(sys.argv[4]), access_log=None, print=None
    )
