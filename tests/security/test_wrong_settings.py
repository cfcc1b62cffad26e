"""A start that cannot be says why, and never shows what it was given."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox import SandboxServer, read_manifest
from tests.measured import MEASURED
from tests.security.canary import ROOT
from tests.security.house import MANIFEST, POLICY

if TYPE_CHECKING:
    from pathlib import Path

WORD = "a-Secret%40word-7"
"""Stands in every secret that is given here."""

WRONG: dict[str, dict[str, str]] = {
    "a database that is not there": {
        "DATABASE_URL": f"postgresql://curfew:{WORD}@127.0.0.1:9/curfew"
    },
    "a database of another kind": {"DATABASE_URL": f"mysql://curfew:{WORD}@127.0.0.1/curfew"},
    "a database URL that is none": {"DATABASE_URL": f"postgresql://curfew:{WORD}@127.0.0.1:x/c"},
    "no URL at all": {"DATABASE_URL": WORD},
    "another kind of token": {"SLACK_BOT_TOKEN": f"xoxp-{WORD}"},
    "a token that Slack does not know": {"SLACK_BOT_TOKEN": f"xoxb-{WORD}"},
    "a provider's DSN that is none": {"ORDERS_ADMIN_DSN": f"postgresql:// {WORD} = x"},
    "a provider that is not there": {"ORDERS_ADMIN_DSN": f"postgresql://u:{WORD}@127.0.0.1:9/d"},
    "a port that is none": {"CURFEW_PORT": WORD},
    "a level that is none": {"CURFEW_LOG_LEVEL": WORD},
    "a secret twice": {"SLACK_SIGNING_SECRET_FILE": "/dev/null"},
}


@pytest.mark.parametrize("name", WRONG)
async def test_23_what_was_given_is_not_shown(name: str, tmp_path: Path) -> None:
    """One sentence and a way out, by `run`, `check` and `doctor`, with no part of a secret."""
    (tmp_path / "policy.yml").write_text(POLICY)
    (tmp_path / "policy.yml").chmod(0o600)
    async with SandboxServer(manifest=read_manifest(MANIFEST)) as sandbox:
        environ = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            **MEASURED,
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_SIGNING_SECRET": f"signing-{WORD}",
            "SLACK_API_URL": sandbox.api_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'curfew.db'}",
            "ORDERS_ADMIN_DSN": f"postgresql://u:{WORD}@127.0.0.1:9/d",
            "CURFEW_PORT": "0",
            "CURFEW_LOG_LEVEL": "DEBUG",
            "CURFEW_TRACEBACK": "1",
            **WRONG[name],
        }
        said = "".join([await answer(tmp_path, environ, word) for word in commands(name)])

    assert said
    assert "Secret" not in said


def commands(name: str) -> tuple[str, ...]:
    """Those that come across it. A provider that is away keeps nobody from starting."""
    if name.startswith("a database"):
        return ("grants", "run")
    if name.startswith("a provider"):
        return ("check", "doctor")
    return ("run",)


async def answer(folder: Path, environ: dict[str, str], word: str) -> str:
    """Both streams of `curfew WORD`, which ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", word),
        cwd=folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return said.decode()
