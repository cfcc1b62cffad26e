"""Access that cannot be taken away: said at once, wherever somebody looks, until it ends."""

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bot.domain.grant import State
from sandbox import text_of
from sandbox.seed import AUDIT
from tests.stories.scene import MINUTE, Play, Scene

ROOT = Path(__file__).parents[2]


@contextmanager
def rotated(admin_dsn: str) -> Iterator[None]:
    """Somebody changed the password of the bot's own login, and did not tell it."""
    before = str(conninfo_to_dict(admin_dsn)["password"])
    now = make_conninfo(admin_dsn, password="another")
    _set_password(admin_dsn, "another")
    try:
        yield
    finally:
        _set_password(now, before)


def _set_password(dsn: str, password: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(sql.Literal(password)))
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = CURRENT_USER AND pid <> pg_backend_pid()"
        )


async def listed(scene: Scene) -> str:
    """What `curfew grants --overdue` prints, as a process of its own beside the bot."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "grants", "--overdue"),
        cwd=scene.folder,
        stdout=asyncio.subprocess.PIPE,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": scene.settings.database_url.get_secret_value(),
        },
    )
    out, _ = await process.communicate()
    return out.decode()


def alarms(scene: Scene) -> list[str]:
    said = [message.text for message in scene.sandbox.workspace.timeline.all(AUDIT)]
    return [line for line in said if line.startswith("*Overdue")]


async def test_credentials_that_were_changed(play: Play) -> None:
    """Row 23: refused for good: an alarm at once, then rising, with what to do; tried on, ended."""
    async with play() as scene:
        grant = await scene.active()
        granted = await scene.told("Get credentials")
        with rotated(scene.shop.admin_dsn):
            await scene.dana.click("Revoke now", message=granted)
            line = text_of(await scene.audit_line("Overdue"))
            overdue = (await scene.only()).overdue_at
            begun = (await scene.only()).revoking_at
            await scene.olga.open_home()
            await scene.sandbox.until(lambda: scene.olga.home is not None)

            assert overdue is not None
            assert begun is not None
            assert overdue - begun < MINUTE / 2
            assert "<!subteam^S0OPS>" in line
            assert f"curfew_{grant.id}" in line  # what to remove by hand
            assert "overdue" in text_of(scene.olga.home).lower()
            assert grant.id[:8] in await listed(scene)

            _, said = await scene.bot.web._routes.health.ready()
            figures = (await scene.bot.web._routes.scrape()).decode()

            assert said["checks"]["overdue"]["grants"] == 1  # type: ignore[index] # JSON
            assert re.search(r"^curfew_overdue_grants 1\.0$", figures, re.MULTILINE)
            assert len(alarms(scene)) == 1

            for _ in range(6):
                await scene.pass_time(MINUTE)
                await asyncio.sleep(0.2)
            await scene.sandbox.until(lambda: len(alarms(scene)) == 2, within=10)

            assert (await scene.only()).state is State.REVOKING

        await scene.pass_time(MINUTE)
        await scene.reaches(grant, State.ENDED)
        end = text_of(await scene.audit_line("Verified gone"))

        assert "after it was overdue for" in end
        assert grant.id[:8] not in await listed(scene)
