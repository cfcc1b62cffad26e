"""The demo as one process: workspace, database and bot, and one URL.

The bot is the one of production: the same composition, the same wire protocol over real sockets.
Only `SLACK_API_URL` and the tokens are the sandbox's.
"""

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.app.bot import Bot, running
from bot.app.process import on_signals
from bot.config.errors import ConfigurationError
from bot.config.settings import Settings, environment
from bot.demo.shop import Shop, open_shop
from bot.observability.logs import configure_logs
from sandbox import Manifest, SandboxServer, read_manifest
from sandbox.postgres import EmbeddedPostgres

STATE: Final = Path(".demo")
PLACE: Final = Path(__file__).parent
MANIFESTS: Final = (PLACE / "manifest.yml", PLACE.parents[1] / "manifest.yml")
"""In an installed package it lies beside us, in a checkout at its top."""

NOTES: Final = PLACE / "notes.txt"
"""First steps for a newcomer, one a line; the page shows them."""


def run_demo(host: str, port: int, *, state: Path | None = None, fresh: bool = False) -> None:
    """Play until Ctrl-C. Raises `ConfigurationError`, `EmbeddedPostgresError` or `PortError`."""
    configure_logs(os.environ.get("CURFEW_LOG_LEVEL", "WARNING").upper(), "console")
    directory = (state or STATE).resolve()
    with prepared(directory, fresh=fresh), open_shop(directory / "postgres") as shop:
        asyncio.run(_play(directory, host, port, shop))


async def _play(directory: Path, host: str, port: int, shop: Shop) -> None:
    async with staged(directory, host, port, shop) as (sandbox, bot):
        on_signals(bot.stopping, bot.nudged)
        await sandbox.connected()
        _say(
            f"The demo is at {sandbox.url}",
            "",
            f"Its policy is {directory / 'policy.yml'}; a change is read at once.",
            f"Without psql of your own: {shop.psql}",
            "Ctrl-C ends it.",
        )
        await bot.serve()
        _say("", "Stopping ...")


@asynccontextmanager
async def staged(
    directory: Path, host: str, port: int, shop: Shop
) -> AsyncIterator[tuple[SandboxServer, Bot]]:
    """Workspace and bot, together from entering to leaving. `directory` is prepared."""
    sandbox = SandboxServer(manifest=_manifest(), host=host, port=port)
    sandbox.workspace.notes = NOTES.read_text(encoding="utf-8").splitlines()
    try:
        await sandbox.start()
    except OSError as error:
        raise ConfigurationError(
            f"Nobody can listen on {host} port {port}: {(error.strerror or str(error)).lower()}.",
            hints=("Choose another port: `curfew demo --port 3100`, or CURFEW_PORT=3100.",),
        ) from None
    try:
        async with running(_settings(directory, sandbox), _environ(shop)) as bot:
            yield sandbox, bot
    finally:
        await sandbox.stop()


@contextmanager
def prepared(directory: Path, *, fresh: bool) -> Iterator[None]:
    """The demo's own directory with its policy, and nobody else playing in it."""
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(directory / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The demo cannot keep its data in {directory}: {(error.strerror or '').lower()}.",
            hints=("Name a directory that may be written: `curfew demo --state DIRECTORY`.",),
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if fresh:
            _clear(directory)
        _lay_policy(directory / "policy.yml")
        yield
    except BlockingIOError:
        raise ConfigurationError(
            f"Another demo plays in {directory}.",
            hints=("Stop it first, or play elsewhere: `curfew demo --state OTHER --port 3100`.",),
        ) from None
    finally:
        os.close(handle)


def _clear(directory: Path) -> None:
    """Only what the demo made: the directory may be somebody's own."""
    postgres = directory / "postgres"
    if postgres.exists():
        EmbeddedPostgres(postgres).remove()
    for name in ("policy.yml", "audit.key", "audit.key.checkpoint"):
        (directory / name).unlink(missing_ok=True)
    for path in directory.glob("curfew.db*"):
        path.unlink()


def _lay_policy(path: Path) -> None:
    """Ours to begin with; whatever the player made of it afterwards stays."""
    if not path.exists():
        shutil.copyfile(PLACE / "policy.yml", path)
        path.chmod(0o644)


def _manifest() -> Manifest:
    return read_manifest(next(path for path in MANIFESTS if path.exists()))


def _settings(directory: Path, sandbox: SandboxServer) -> Settings:
    """As an operator would set them, but for where Slack is."""
    return Settings(
        _env_file=None,
        SLACK_BOT_TOKEN=SecretStr(sandbox.bot_token),
        SLACK_APP_TOKEN=SecretStr(sandbox.app_token),
        SLACK_SIGNING_SECRET=None,
        SLACK_API_URL=sandbox.api_url,
        CURFEW_POLICY=directory / "policy.yml",
        CURFEW_AUDIT_KEY=directory / "audit.key",
        DATABASE_URL=SecretStr(f"sqlite+aiosqlite:///{directory / 'curfew.db'}"),
        CURFEW_HOST="127.0.0.1",
        CURFEW_PORT=0,
        CURFEW_TEMPLATES=environment().get("CURFEW_TEMPLATES"),
    )


def _environ(shop: Shop) -> Callable[[], Mapping[str, str]]:
    def given() -> Mapping[str, str]:
        return {**environment(), "DEMO_ADMIN_DSN": shop.admin_dsn}

    return given


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
