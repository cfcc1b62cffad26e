"""The proof of rest is no formality: each thing that it looks for, once left behind, is found."""

from collections.abc import Awaitable, Callable

import psycopg
import pytest
from sqlalchemy import text

from bot.domain.grant import State
from sandbox.seed import AUDIT
from sandbox.workspace import BOT_USER
from tests.stories.proof import prove_rest
from tests.stories.scene import Play, Scene

Spoil = Callable[[Scene], Awaitable[None]]


async def ended(scene: Scene) -> None:
    """One whole life with a login."""
    grant = await scene.active()
    await scene.logged_in()
    await scene.dana.command("/access revoke")
    await scene.reaches(grant, State.ENDED)
    await prove_rest(scene)


async def keep_in_a_table(scene: Scene) -> None:
    [login] = scene.logins
    said = text("INSERT INTO settings (name, value) VALUES ('note', :value)")
    await scene.database.write(lambda conn: conn.execute(said, {"value": login.password}))


async def keep_in_the_log(scene: Scene) -> None:
    scene.log.write(scene.sandbox.bot_token)


async def say_it_in_slack(scene: Scene) -> None:
    await scene.olga.say(f"it was {scene.logins[0].password}", channel=AUDIT)


async def tell_a_line_twice(scene: Scene) -> None:
    line = next(one for one in scene.sandbox.workspace.timeline.all(AUDIT) if one.metadata)
    token = {"Authorization": f"Bearer {scene.sandbox.bot_token}"}
    said = {"channel": AUDIT, "text": line.text, "metadata": line.metadata}
    client = scene.bot.slack._client
    await client.api_call("chat.postMessage", headers=token, json=said)
    assert BOT_USER in {one.user for one in scene.sandbox.workspace.timeline.all(AUDIT)}


async def change_a_row(scene: Scene) -> None:
    await scene.database.write(lambda conn: conn.execute(text("UPDATE grants SET reason = 'x'")))


async def leave_a_login(scene: Scene) -> None:
    name = "curfew_000000000000"
    with psycopg.connect(scene.shop.admin_dsn, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name}".encode())


async def spoiled(play: Play, spoil: Spoil) -> None:
    """A whole life, and then something that must not be."""
    async with play() as scene:
        await ended(scene)
        await spoil(scene)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (keep_in_a_table, "'tables'"),
        (keep_in_the_log, "'log'"),
        (say_it_in_slack, "'Slack'"),
        (tell_a_line_twice, "doubled"),
        (change_a_row, "'reason'"),
    ],
    ids=["table", "log", "Slack", "twice", "row"],
)
async def test_what_is_left_behind_is_found(play: Play, spoil: Spoil, found: str) -> None:
    """A credential or token that is kept, a line that was told twice, a row that says otherwise."""
    with pytest.raises(AssertionError, match=found):
        await spoiled(play, spoil)


async def test_a_login_that_is_left_is_found(play: Play) -> None:
    """One role too many at the provider."""
    async with play() as scene:
        await leave_a_login(scene)
        try:
            with pytest.raises(AssertionError, match="still there"):
                await prove_rest(scene)
        finally:
            with psycopg.connect(scene.shop.admin_dsn, autocommit=True) as conn:
                conn.execute(b"DROP ROLE curfew_000000000000")
