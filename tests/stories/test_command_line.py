"""The command line beside the running bot, and without one: separate processes, one database."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bot.demo.shop import Shop
from bot.domain.grant import EndReason, State
from bot.storage import store
from bot.storage.database import Database
from sandbox import SandboxServer, read_manifest, text_of
from sandbox.seed import AUDIT, DANA, MAYA, OLGA
from tests.measured import MEASURED
from tests.stories.credentials import take
from tests.stories.scene import POLICY, ROOT, Play, Scene

WITHIN = 40.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a program said, and how it ended."""

    code: int
    out: str
    err: str


async def run(folder: Path, environ: dict[str, str], *words: str) -> Said:
    """Run a program of this Python to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **MEASURED, **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN):
        out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


async def curfew(scene: Scene, *words: str) -> Said:
    """A command, with the environment that the bot of this scene has; nothing secret is printed."""
    settings = scene.settings
    environ = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "CURFEW_POLICY": str(settings.policy),
        "CURFEW_AUDIT_KEY": str(settings.audit_key),
        "SLACK_API_URL": settings.slack_api_url,
        "SLACK_BOT_TOKEN": scene.sandbox.bot_token,
        "DEMO_ADMIN_DSN": scene.shop.admin_dsn,
        **(
            {"SLACK_SIGNING_SECRET": scene.sandbox.signing_secret}
            if scene.road == "http"
            else {"SLACK_APP_TOKEN": scene.sandbox.app_token}
        ),
    }
    said = await run(scene.folder, environ, "-W", "error", "-m", "bot", *words)
    assert not [one for one in scene.secrets if one in said.out + said.err]
    assert "Traceback" not in said.err
    return said


@pytest.mark.parametrize(
    ("road", "database"), [("socket", "sqlite"), ("http", "postgres")], ids=["sqlite", "postgres"]
)
async def test_beside_the_running_bot(play: Play, road: str, database: str) -> None:
    """Everything is seen, and a revoke waits until the bot has proven that the access is gone."""
    async with play(road, database) as scene:
        grant = await scene.active()
        login = await scene.logged_in()
        listed = await curfew(scene, "grants")
        assert grant.id in listed.out
        assert "dana@example.com" in listed.out
        shown = await curfew(scene, "grants", "show", grant.id[:6])
        for word in ("grant.requested", "grant.approved", "grant.started", "credentials.issued"):
            assert word in shown.out
        assert "fix the stuck order" in shown.out

        ended = await curfew(scene, "revoke", grant.id[:6], "--reason", "laptop lost")
        assert ended.code == 0, ended.err
        assert "gone, and the provider was asked again" in ended.out
        assert scene.roles() == set()
        assert await login.is_cut()
        after = await scene.only()
        assert (after.state, after.end_reason) == (State.ENDED, EndReason.REVOKED)
        line = text_of(await scene.audit_line("*Revoked*"))
        assert "laptop lost" in line
        assert "at the command line" in line
        await scene.told("Ended.")
        none = await curfew(scene, "revoke", grant.id, "--reason", "again")
        assert "is over already" in none.err
        assert (await curfew(scene, "grants", "--state", "ended")).out.count(grant.id) == 1


async def test_proof_and_export(play: Play, tmp_path: Path) -> None:
    """The log is proven, exported, and proven by the verifier alone, which finds a forged text."""
    async with play("http", "postgres") as scene:
        grant = await scene.active()
        await scene.dana.command("/access revoke")
        await scene.reaches(grant, State.ENDED)
        await scene.bot.engine.prove()
        proof = await curfew(scene, "audit", "verify")
        assert proof.code == 0, proof.err
        assert "The log is whole" in proof.out
        assert "are signed by key" in proof.out
        exported = await curfew(scene, "audit", "export", "--format", "jsonl")
        key = await curfew(scene, "audit", "key")
        (tmp_path / "log.jsonl").write_text(exported.out)
        (tmp_path / "audit.pub").write_text(key.out)
        alone = [str(ROOT / "curfew_verify.py"), "log.jsonl", "--key", "audit.pub"]
        whole = await run(tmp_path, {}, *alone, "--checkpoint", "audit.key.checkpoint")
        assert whole.code == 0, whole.out + whole.err
        lines = [json.dumps(json.loads(line)) for line in exported.out.splitlines()]
        for kind in ("grant.started", "grant.ended"):
            [line] = [line for line in lines if kind in line]
            assert grant.id in line
        forged = exported.out.replace("stuck order", "other order")
        assert forged != exported.out
        (tmp_path / "log.jsonl").write_text(forged)
        broken = await run(tmp_path, {}, *alone)
        assert broken.code == 1, broken.out + broken.err
        (tmp_path / "log.jsonl").unlink()


async def test_check_doctor_backup(play: Play, tmp_path: Path) -> None:
    """The policy and everything outside are in order; a copy of the database is whole."""
    async with play() as scene:
        grant = await scene.active()
        checked = await curfew(scene, "check")
        assert checked.code == 0, checked.out
        assert "4 resources, 2 providers" in checked.out
        wrong = tmp_path / "wrong.yml"
        wrong.write_text(scene.policy.read_text().replace("requesters:", "requestors:"))
        found = await curfew(scene, "check", str(wrong))
        assert found.code == 1
        assert "wrong.yml:" in found.out
        assert "requesters" in found.out
        well = await curfew(scene, "doctor")
        assert well.code == 0, well.out + well.err
        for part in (
            "policy",
            "database",
            "audit key",
            "Slack (socket mode)",
            "provider orders-pg",
        ):
            assert any(line.startswith("ok") and part in line for line in well.out.splitlines()), (
                part
            )
        scene.sandbox.installation.scopes.discard("usergroups:read")
        ill = await curfew(scene, "doctor")
        assert (ill.code, "usergroups:read" in ill.out) == (1, True)
        copied = await curfew(scene, "db", "backup", str(tmp_path / "copy.db"))
        assert copied.code == 0, copied.err
        async with await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'copy.db'}") as copy:
            kept = await copy.read(partial(store.get_grant, grant_id=grant.id))
        assert kept == await scene.only()
        await scene.dana.command("/access revoke")
        await scene.reaches(grant, State.ENDED)


@asynccontextmanager
async def process(
    folder: Path, environ: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m bot run`; killed at the end if it is still there."""
    with (folder / "log").open("ab") as log:
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-m", "bot", "run"),
            cwd=folder,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield bot
    finally:
        if bot.returncode is None:
            bot.kill()
        await bot.wait()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_revoke_without_a_bot(
    request: pytest.FixtureRequest, tmp_path: Path, shop: Shop, database: str
) -> None:
    """The process is killed; the command ends the access itself; the next start tells everybody."""
    url: str = request.getfixturevalue(f"{database}_url")
    (tmp_path / "policy.yml").write_text(POLICY.read_text())
    (tmp_path / "policy.yml").chmod(0o600)
    async with SandboxServer(manifest=read_manifest(ROOT / "manifest.yml")) as sandbox:
        dana, maya, olga = (sandbox.person(one) for one in (DANA, MAYA, OLGA))
        environ = {
            "PATH": os.environ["PATH"],
            **MEASURED,
            "PYTHONPATH": str(ROOT),
            "SLACK_API_URL": sandbox.api_url,
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_APP_TOKEN": sandbox.app_token,
            "DATABASE_URL": url,
            "DEMO_ADMIN_DSN": shop.admin_dsn,
            "CURFEW_PORT": "0",
            "CURFEW_LOG_LEVEL": "DEBUG",
        }
        async with process(tmp_path, environ) as bot:
            await sandbox.connected(within=WITHIN)
            await dana.command("/access prod-db 30m fix the stuck order")
            card = await maya.waits_for("fix the stuck order", channel="#approvals")
            await maya.click("Approve", message=card)
            await dana.waits_for("Get credentials")
            login = await take(dana, shop)
            bot.kill()
            await bot.wait()
        assert not await login.is_cut()
        ended = await run(
            tmp_path, environ, "-m", "bot", "revoke", "--all", "--reason", "the office burns"
        )
        assert ended.code == 0, ended.err
        assert "gone, and the provider was asked again" in ended.out
        assert await login.is_cut()
        assert olga.sees(AUDIT)
        assert not any("Verified gone" in text_of(one) for one in olga.sees(AUDIT))
        async with process(tmp_path, environ) as bot:
            await olga.waits_for("the office burns", channel=AUDIT, within=WITHIN)
            await olga.waits_for("Verified gone", channel=AUDIT, within=WITHIN)
            await dana.waits_for("Ended.", within=WITHIN)
            bot.terminate()
            assert await bot.wait() == 0
        proof = await run(tmp_path, environ, "-m", "bot", "audit", "verify")
        assert proof.code == 0, proof.err
        secrets = (login.password, sandbox.bot_token, sandbox.app_token)
        kept = (tmp_path / "log").read_text() + ended.out + ended.err + proof.out
        assert not [one for one in secrets if one in kept]
