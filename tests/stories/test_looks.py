"""Looking: list, mine, who, audit, help and the Home tab say what is, and their buttons work."""

from bot.domain.grant import State
from sandbox import Json, Player, buttons_of, text_of
from tests.stories.scene import Play, Scene


async def says(player: Player, line: str) -> str:
    """What a line is answered with, in private."""
    said = await player.command(line)
    assert said["response"]["ephemeral"]
    return text_of(said["response"])


async def test_lines_that_look(play: Play) -> None:
    """Before, while and after somebody has access; for oneself, an approver and an admin."""
    async with play("http", "postgres") as scene:
        offers = await says(scene.dana, "/access list")
        assert "`prod-db` · Orders database, read only · usually 30 min, at most 4 h" in offers
        assert "`prod-db-write`" in offers
        assert "2 approvals" in offers
        assert "at once" in offers
        assert "`prod-db-write`" not in await says(scene.omar, "/access list")
        assert "You have nothing, and wait for nothing" in await says(scene.dana, "/access mine")
        assert "Nobody has `prod-db` now." in await says(scene.dana, "/access who prod-db")

        grant = await scene.asked()
        assert "waiting for a decision" in await says(scene.dana, "/access mine")
        waits = await says(scene.maya, "/access mine")
        assert "Waiting for your decision" in waits
        assert grant.id in waits

        await scene.maya.click("Approve", message=await scene.card(grant))
        await scene.reaches(grant, State.ACTIVE)
        assert "active until" in await says(scene.dana, "/access mine")
        assert "<@U0DANA> · until" in await says(scene.maya, "/access who prod-db")

        await scene.dana.command("/access revoke")
        await scene.reaches(grant, State.ENDED)
        for player, line in (
            (scene.dana, "/access audit"),
            (scene.maya, "/access audit prod-db"),
            (scene.olga, "/access audit @dana 7d"),
        ):
            history = await says(player, line)
            for what in ("requested", "approved", "started", "revoked", "ended"):
                assert f"grant {what} · `prod-db` for <@U0DANA>" in history, (line, what)
        assert "Only approvers" in await says(scene.dana, "/access audit @maya")
        assert "/access prod-db 30m what you are going to do" in await says(
            scene.dana, "/access help"
        )


async def home(scene: Scene, player: Player, words: str) -> Json:
    """Somebody's Home tab once it has these words."""
    await scene.sandbox.until(lambda: words in text_of(player.home), within=10)
    return player.home or {}


async def test_everything_from_the_home_tab(play: Play) -> None:
    """Asked, approved, used, extended and ended without leaving it; it follows what happens."""
    async with play() as scene:
        dana, maya = scene.dana, scene.maya
        await dana.open_home()
        first = await home(scene, dana, "What you may ask for")
        assert "Nothing right now." in text_of(first)
        await maya.open_home()
        await home(scene, maya, "Nothing right now.")
        await dana.click("ask", view=first)
        await dana.waits_for_modal("Ask for access")
        short = await dana.submit({"Why": "fix"})
        assert "reason" in short["errors"]
        await dana.submit({"Why": "fix the stuck order", "For how long": "20m"})
        grant = await scene.reaches(await scene.only(), State.PENDING)

        waits = await home(scene, maya, "fix the stuck order")
        assert buttons_of(waits)[:2] == ["Approve", "Deny"]
        await maya.click("Approve", view=waits)
        await scene.reaches(grant, State.ACTIVE)
        mine = await home(scene, dana, "Get credentials")
        assert {"Get credentials", "Extend", "Revoke now"} <= set(buttons_of(mine))
        await dana.click("Get credentials", view=mine)
        assert "postgresql://" in text_of(await dana.waits_for_modal("Shown once"))
        await dana.close()
        await dana.click("Extend", view=mine)
        await dana.waits_for_modal("How much more")
        await dana.submit({"How much more": "5m", "Why": "not done yet"})
        more = await home(scene, maya, "5 min more")
        await maya.click("Approve", view=more)
        await scene.told("Extended")
        await dana.click("Revoke now", view=await home(scene, dana, "Revoke now"))
        await scene.reaches(grant, State.ENDED)
        after = await home(scene, dana, "ended")
        assert "Nothing right now." in text_of(after)


async def test_who_may_not_look(play: Play) -> None:
    """A Home tab and a list hold nothing for those who may nothing."""
    async with play() as scene:
        gary = scene.sandbox.person("U0GARY")
        await gary.open_home()
        await home(scene, gary, "Nothing here.")
        assert buttons_of(gary.home or {}) == []
        assert "Guests cannot use Curfew here." in await says(gary, "/access list")
