"""The README's ten minutes, typed as they stand there."""

import asyncio
import re
import shutil
from pathlib import Path

from bot.demo.shop import Shop
from sandbox import SandboxServer
from sandbox.seed import DANA
from tests.cli.ground import Ground
from tests.docs.pages import ROOT, section, typed

README = ROOT / "README.md"
ENVIRONMENT = ("ORDERS_ADMIN_DSN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL")


def fill_in(env: Path, values: dict[str, str]) -> None:
    """What the reader puts into `.env`: each variable's own line, without its #."""
    text = env.read_text()
    for name, value in values.items():
        text, count = re.subn(rf"^#{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1, name
    env.write_text(text)


async def test_the_ten_minutes(tmp_path: Path, shop: Shop, sandbox: SandboxServer) -> None:
    """From a checkout and four values to an answer in Slack, by the README's own lines."""
    for name in (".env.example", "policy.example.yml"):
        shutil.copy(ROOT / name, tmp_path)
    values = (shop.admin_dsn, sandbox.bot_token, sandbox.app_token, sandbox.api_url)
    ground = Ground(tmp_path, {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, shop)
    ground.environ["CURFEW_PORT"] = "0"
    done: list[str] = []

    for line in typed(section(README, "Your own Slack workspace")):
        program, *words = line.split()
        done.append(program)
        if line == "make setup":
            continue  # the tests run in what it makes
        if line == "make run":
            async with ground.bot():
                await sandbox.connected()
                answer = await sandbox.person(DANA).command("/access list")
                assert "prod-db-write" in str(answer)
        elif program == ".venv/bin/curfew":
            said = await ground.curfew(*words)
            assert said.code == 0, said
        else:
            running = await asyncio.create_subprocess_exec(program, *words, cwd=tmp_path)
            assert await running.wait() == 0, line
        if line == "chmod 600 .env":
            fill_in(tmp_path / ".env", dict(zip(ENVIRONMENT, values, strict=True)))

    assert done.count(".venv/bin/curfew") == 3
    assert done[-1] == "make"
