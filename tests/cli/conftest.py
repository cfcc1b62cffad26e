"""Fixtures for the real program: a workspace, a database to protect, a directory with a policy."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.demo.play import PLACE
from bot.demo.shop import Shop, open_shop
from sandbox import SandboxServer, read_manifest
from sandbox.postgres import EmbeddedPostgresError
from tests.cli.ground import ROOT, Ground
from tests.measured import MEASURED


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo's PostgreSQL, one for the run; where there is none, a failure in CI, else a skip."""
    try:
        with open_shop(tmp_path_factory.mktemp("shop")) as opened:
            yield opened
    except EmbeddedPostgresError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL here: {error}")


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """Slack, with Curfew's own manifest."""
    async with SandboxServer(manifest=read_manifest(ROOT / "manifest.yml")) as server:
        yield server


@pytest.fixture
def ground(tmp_path: Path, shop: Shop) -> Ground:
    """No Slack yet: what works without it."""
    shutil.copyfile(PLACE / "policy.yml", tmp_path / "policy.yml")
    (tmp_path / "policy.yml").chmod(0o644)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **MEASURED,
        "DEMO_ADMIN_DSN": shop.admin_dsn,
        "CURFEW_PORT": "0",
    }
    return Ground(tmp_path, environ, shop)


@pytest.fixture
def office(ground: Ground, sandbox: SandboxServer) -> Ground:
    """With Slack, in Socket Mode."""
    ground.environ |= {
        "SLACK_BOT_TOKEN": sandbox.bot_token,
        "SLACK_APP_TOKEN": sandbox.app_token,
        "SLACK_API_URL": sandbox.api_url,
    }
    return ground
