"""The main job: asked, approved, used, extended, ended, on every road and both databases."""

import psycopg
import pytest

from bot.domain.grant import EndReason, State
from sandbox import text_of
from tests.stories.scene import MINUTE, SECOND, Play, Scene

MATRIX = [
    pytest.param(road, database, id=f"{road}-{database}")
    for road in ("http", "socket")
    for database in ("sqlite", "postgres")
]


@pytest.mark.parametrize(("road", "database"), MATRIX)
async def test_asked_approved_used_extended_revoked(play: Play, road: str, database: str) -> None:
    """A line, a click, a login that works in psql; more time by a vote; and an end by a click."""
    async with play(road, database) as scene:
        said = await scene.dana.command("/access prod-db 30m fix the stuck order")
        assert "Asked for `prod-db`, 30 min. Waiting for <!subteam^S0DBA>." in text_of(said)
        grant = await scene.only()
        await scene.maya.click("Approve", message=await scene.card(grant))
        granted = await scene.told("You have")
        login = await scene.logged_in()
        query = "select count(*) from orders where status = 'stuck'"
        assert await login.psql(query) == (0, "3")
        assert "permission denied" in (await login.psql("delete from orders"))[1]
        before = await scene.reaches(grant, State.ACTIVE)

        await scene.dana.command("/access extend prod-db 15m not done yet")
        asked = await scene.maya.waits_for("not done yet", channel="#approvals")
        await scene.maya.click("extension_approve:1", message=asked)
        await scene.told("Extended")
        after = await scene.only()
        assert before.expires_at is not None
        assert after.expires_at == before.expires_at + 15 * MINUTE
        assert after.native_end is not None
        assert valid_until(scene, grant.id) == after.native_end
        assert after.expires_at <= after.native_end <= after.expires_at + 10 * SECOND
        assert await login.ask("select 1") == [(1,)]

        await scene.dana.click("Revoke now", message=granted)
        ended = await scene.reaches(grant, State.ENDED)
        await scene.told("Ended.")
        assert ended.end_reason is EndReason.REVOKED
        assert await login.is_cut()
        code, told = await login.psql("select 1")
        assert (code, "authentication failed" in told) == (2, True), told
        line = text_of(await scene.audit_line("Verified gone"))
        assert grant.id in line


@pytest.mark.parametrize(("road", "database"), MATRIX)
async def test_the_time_is_over(play: Play, road: str, database: str) -> None:
    """A warning before the end, and at the end the login and its open session are gone."""
    async with play(road, database) as scene:
        grant = await scene.active()
        login = await scene.logged_in()
        await scene.pass_time(26 * MINUTE)
        await scene.told("Ends soon")
        assert (await scene.only()).state is State.ACTIVE
        assert not await login.is_cut()
        await scene.pass_time(4 * MINUTE)
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.end_reason is EndReason.EXPIRED
        assert await login.is_cut()
        await scene.told("its time was over")
        await scene.audit_line("Expired")


def valid_until(scene: Scene, grant_id: str) -> object:
    """The end that the provider itself was told."""
    with psycopg.connect(scene.shop.admin_dsn) as conn:
        query = "SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s"
        row = conn.execute(query, [f"curfew_{grant_id}"]).fetchone()
    assert row is not None
    return row[0]
