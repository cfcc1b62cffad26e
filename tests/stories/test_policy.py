"""The policy changes while the bot runs: taken over, refused, and never against a live grant."""

import re
from typing import Final

import aiohttp

from bot.domain.grant import EndReason, State
from sandbox import text_of
from tests.stories.scene import Play, Scene

DROPPED: Final = """\
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
providers: {other-pg: {adapter: postgres, dsn: "${DEMO_ADMIN_DSN}"}}
resources:
  elsewhere:
    provider: other-pg
    grant: {roles: [app_readonly], database: orders}
    requesters: [U0DANA]
    approvers: [U0MAYA]
"""


def write(scene: Scene, text: str) -> None:
    """The operator saves the file and sends SIGHUP."""
    scene.policy.write_text(text)
    scene.bot.nudged.set()


async def ready(scene: Scene) -> tuple[int, str]:
    """What `/readyz` says: the status, and what is not in order about the policy."""
    async with aiohttp.ClientSession() as client, client.get(f"{scene.bot.web.url}/readyz") as said:
        return said.status, str((await said.json())["checks"]["policy"].get("says", ""))


async def test_a_good_file_is_taken_over(play: Play) -> None:
    """What is new can be asked for at once; it stands in the audit channel and the log."""
    async with play() as scene:
        before = (await scene.kinds()).count("policy.loaded")
        write(scene, scene.policy.read_text().replace("  reports:", "  figures:"))

        async def taken() -> bool | None:
            return (await scene.kinds()).count("policy.loaded") > before or None

        await scene.until(taken, "the new policy")
        assert "is no resource" in text_of(await scene.dana.command("/access who reports"))
        await scene.dana.command("/access figures 5m look at the numbers")
        grant = await scene.reaches(await scene.only(), State.ACTIVE)
        await scene.dana.command("/access revoke figures")
        await scene.reaches(grant, State.ENDED)


async def test_a_bad_file_changes_nothing(play: Play) -> None:
    """The former policy holds, `/readyz` and the audit channel name line and fault; mended then."""
    async with play("http", "postgres") as scene:
        good = scene.policy.read_text()
        assert await ready(scene) == (200, "")
        write(scene, good.replace("max_duration: 1h", "max_duration: one hour"))
        line = text_of(await scene.audit_line("*Policy rejected*"))
        assert re.search(r"policy\.yml:\d+:\d+", line), line
        assert "@ops" in line or "S0OPS" in line
        status, says = await ready(scene)
        assert (status, "one hour" in says or "policy.yml" in says) == (503, True), says
        grant = await scene.active()
        write(scene, good)

        async def mended() -> bool | None:
            return (await ready(scene))[0] == 200 or None

        await scene.until(mended, "the mended policy")
        await scene.dana.command("/access revoke")
        await scene.reaches(grant, State.ENDED)


async def test_a_provider_that_is_needed_stays(play: Play) -> None:
    """Dropping the provider of a live grant is refused and names it; revoking works as ever."""
    async with play() as scene:
        grant = await scene.active()
        login = await scene.logged_in()
        write(scene, DROPPED)
        line = text_of(await scene.audit_line("*Policy rejected*"))
        assert "orders-pg" in line
        assert grant.id in line
        assert (await ready(scene))[0] == 503
        await scene.dana.command("/access revoke prod-db")
        await scene.reaches(grant, State.ENDED)
        assert await login.is_cut()
        scene.bot.nudged.set()

        async def dropped() -> bool | None:
            return (await ready(scene))[0] == 200 or None

        await scene.until(dropped, "the policy without it")
        assert "`elsewhere`" in text_of(await scene.dana.command("/access list"))


async def test_a_resource_that_is_gone(play: Play) -> None:
    """A live grant of it is revoked by its old name; an open request is cancelled, and said so."""
    async with play() as scene:
        live = await scene.active()
        waiting = await scene.asked("/access prod-db-write 5m INC-9 free the order")
        text = scene.policy.read_text()
        renamed = text.replace("  prod-db:", "  orders:").replace("approvals: 2", "approvals: 1")
        write(scene, renamed)
        cancelled = await scene.reaches(waiting, State.CANCELLED)
        assert cancelled.end_reason is EndReason.CANCELLED
        await scene.told("changed")
        await scene.dana.command("/access revoke prod-db")
        ended = await scene.reaches(live, State.ENDED)
        assert ended.end_reason is EndReason.REVOKED
