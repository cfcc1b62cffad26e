"""Access that people make: asked for, done, taken away, and what happens when nobody does it."""

import pytest

from bot.domain.grant import EndReason, Grant, State
from sandbox import Json, buttons_of, text_of
from tests.stories.scene import MINUTE, Play, Scene

ASK = "/access safe 30m fetch the seal"


async def task(scene: Scene, words: str) -> Json:
    """The card of what is to be done by hand."""
    return await scene.maya.waits_for(words, channel="#approvals", within=20)


async def approved(scene: Scene) -> Grant:
    grant = await scene.asked(ASK)
    await scene.maya.click("Approve", message=await scene.card(grant))
    return await scene.reaches(grant, State.GRANTING)


@pytest.mark.parametrize("road", ["http", "socket"])
async def test_given_and_taken_away_by_hand(play: Play, road: str) -> None:
    """Operators are asked with the policy's words, their word makes it so, and it is in the log."""
    async with play(road) as scene:
        grant = await approved(scene)
        give = await task(scene, "Hand out the key to the safe.")
        assert f"Mark: curfew-{grant.id}" in text_of(give)
        assert "<!subteam^S0OPS>" in text_of(give)
        await scene.dana.click("Done", message=give)
        await scene.dana.waits_for("Nobody does this for their own access", channel="#approvals")
        await scene.olga.click("Done", message=give)
        active = await scene.reaches(grant, State.ACTIVE)
        told = await scene.told("Revoke now")
        assert "Get credentials" not in buttons_of(told)
        await scene.dana.command("/access extend safe 5m")
        extended = await scene.until(lambda: _later(scene, active), "a later end")
        assert extended.task is None

        await scene.dana.click("Revoke now", message=await scene.told("Revoke now"))
        take = await task(scene, "Fetch the key back.")
        assert (await scene.only()).state is State.REVOKING
        await scene.maya.click("Done", message=take)
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.end_reason is EndReason.REVOKED
        await scene.audit_line("*Done by hand* by <@U0MAYA> · access taken away")
        await task(scene, "Done: access taken away by hand")
        kinds = await scene.kinds()
        assert kinds.count("task.assigned") == kinds.count("task.done") == 2


async def _later(scene: Scene, before: Grant) -> Grant | None:
    now = await scene.only()
    assert now.expires_at is not None
    assert before.expires_at is not None
    return now if now.expires_at > before.expires_at and now.extension is None else None


async def _looked_again(scene: Scene) -> bool | None:
    now = await scene.only()
    assert now.state is State.GRANTING
    return now.attempts > 1 or None


async def test_nobody_gives_it(play: Play) -> None:
    """After the resource's minutes the grant fails, and what may be there is to be removed."""
    async with play() as scene:
        grant = await approved(scene)
        await task(scene, "Hand out the key to the safe.")
        await scene.pass_time(19 * MINUTE)
        await scene.until(lambda: _looked_again(scene), "another look")
        await scene.pass_time(2 * MINUTE)
        await scene.reaches(grant, State.REVOKING)
        await task(scene, "Not wanted any more")
        await scene.maya.click("Done", message=await task(scene, "Fetch the key back."))
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.end_reason is EndReason.FAILED


async def test_nobody_takes_it_away(play: Play) -> None:
    """Not done within a minute of its end it is overdue, as everywhere, until somebody does it."""
    async with play() as scene:
        grant = await approved(scene)
        await scene.maya.click("Done", message=await task(scene, "Hand out the key to the safe."))
        await scene.reaches(grant, State.ACTIVE)
        await scene.pass_time(31 * MINUTE)
        take = await task(scene, "Fetch the key back.")
        await scene.pass_time(2 * MINUTE)
        await scene.audit_line("*Overdue*")
        await scene.maya.click("Done", message=take)
        await scene.reaches(grant, State.ENDED)
        await scene.audit_line("*Verified gone*")
