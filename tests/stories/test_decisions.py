"""Deciding: for less time, with a reason, by two, by nobody, and who may not."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.grant import EndReason, Grant, State
from sandbox import buttons_of, text_of
from tests.stories.scene import HOUR, MINUTE, SECOND, Play

FIX = "/access prod-db 30m fix the stuck order"


def is_about(grant: Grant, length: timedelta) -> bool:
    """So long from its start; the end was written down a moment before the provider was called."""
    assert grant.started_at is not None
    assert grant.expires_at is not None
    return length - 5 * SECOND < grant.expires_at - grant.started_at <= length


async def test_approve_shorter(play: Play) -> None:
    """Less time than asked for is given, more is refused in the form, the end comes earlier."""
    async with play("http") as scene:
        grant = await scene.asked(FIX)
        await scene.maya.click("Approve shorter", message=await scene.card(grant))
        await scene.maya.waits_for_modal("At most 30 min")
        longer = await scene.maya.submit({"For how long": "31m"})
        assert "duration" in longer["errors"]
        wrong = await scene.maya.submit({"For how long": "ten minutes"})
        assert "is not a duration" in wrong["errors"]["duration"]
        assert (await scene.only()).state is State.PENDING
        await scene.maya.submit({"For how long": "10m"})
        active = await scene.reaches(grant, State.ACTIVE)
        assert is_about(active, 10 * MINUTE)
        login = await scene.logged_in()
        await scene.pass_time(10 * MINUTE)
        await scene.reaches(grant, State.ENDED)
        assert await login.is_cut()


async def test_denied_with_a_reason(play: Play) -> None:
    """The requester reads why, the card loses its buttons, nothing was made at the provider."""
    async with play("socket", "postgres") as scene:
        grant = await scene.asked(FIX)
        await scene.maya.click("Deny", message=await scene.card(grant))
        await scene.maya.waits_for_modal("May stay empty")
        await scene.maya.submit({"Why": "wait for the freeze to end"})
        denied = await scene.reaches(grant, State.DENIED)
        assert denied.started_at is None
        told = await scene.told("wait for the freeze to end")
        assert "*Denied* by <@U0MAYA>" in text_of(told)
        await scene.maya.waits_for("Denied by <@U0MAYA>", channel="#approvals")
        assert buttons_of(await scene.card(grant)) == []
        await scene.audit_line("*Denied*")


async def test_nobody_decides(play: Play) -> None:
    """Approvers are reminded; when the time is over the request lapses and can be asked again."""
    async with play() as scene:
        grant = await scene.asked(FIX)
        await scene.pass_time(11 * MINUTE)
        card = await scene.card(grant)
        await scene.sandbox.until(lambda: len(scene.maya.sees("#approvals", thread=card["ts"])) > 1)
        await scene.pass_time(50 * MINUTE)
        await scene.reaches(grant, State.LAPSED)
        await scene.told("Lapsed:")
        await scene.audit_line("*Lapsed*")
        again = await scene.asked(FIX)
        await scene.dana.click("Cancel request", message=await scene.told("*Asked.*"))
        await scene.reaches(again, State.CANCELLED)


async def test_taken_back(play: Play) -> None:
    """By a press on the card, by a press in one's own message, by a line; by an admin too."""
    async with play() as scene:
        for way in ("card", "message", "line", "admin"):
            grant = await scene.asked(FIX)
            own = await scene.told("*Asked.*")
            if way == "card":
                await scene.dana.click("Cancel request", message=await scene.card(grant))
            elif way == "message":
                await scene.dana.click("Cancel request", message=own)
            elif way == "line":
                said = await scene.dana.command("/access revoke prod-db")
                assert "is cancelled" in text_of(said)
            else:
                await scene.olga.click("Cancel request", message=await scene.card(grant))
            await scene.reaches(grant, State.CANCELLED)
            # Its buttons go before the next round looks for the newest message.
            await scene.sandbox.until(
                lambda: not any("Cancel request" in buttons_of(one) for one in scene.dana.dms())
            )


async def test_two_approvers_and_an_incident(play: Play) -> None:
    """Without its number nothing is asked; one yes is not enough, and one person counts once."""
    async with play("http", "postgres") as scene:
        refused = await scene.dana.command("/access prod-db-write 10m free the stuck order")
        assert "INC-[0-9]+" in text_of(refused)
        assert await scene.grants() == []
        grant = await scene.asked("/access prod-db-write 10m INC-117 free the stuck order")
        card = await scene.card(grant)
        await scene.maya.click("Approve", message=card)
        await scene.maya.waits_for("1 of 2", channel="#approvals")
        assert scene.roles() == set()
        await scene.maya.click("Approve", message=await scene.card(grant))
        await scene.maya.waits_for("You have approved this already", channel="#approvals")
        assert (await scene.only()).state is State.PENDING
        await scene.omar.click("Approve", message=await scene.card(grant))
        await scene.reaches(grant, State.ACTIVE)
        await scene.told("Get credentials")
        login = await scene.logged_in()
        freed = "update orders set status = 'stuck' where status = 'stuck' returning id"
        assert len(await login.ask(freed)) == 3
        await scene.dana.click("Extend")
        await scene.dana.waits_for_modal("At most 50 min more")
        more = await scene.dana.submit({"How much more": "51m"})
        assert "duration" in more["errors"]
        await scene.dana.submit({"How much more": "20m", "Why": "INC-117 is not over"})
        asked = await scene.omar.waits_for("INC-117 is not over", channel="#approvals")
        await scene.omar.click("extension_approve:1", message=asked)
        await scene.told("Extended")
        assert not await login.is_cut()
        await scene.olga.click("Revoke now", message=await scene.card(grant))
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.votes == ("U0MAYA", "U0OMAR")
        assert await login.is_cut()


async def test_nobody_decides_on_their_own(play: Play) -> None:
    """An approver who asks is refused in private; another one decides."""
    async with play() as scene:
        grant = await scene.asked(FIX, by=scene.omar)
        await scene.omar.click("Approve", message=await scene.card(grant))
        said = await scene.omar.waits_for(
            "Nobody decides on their own request", channel="#approvals"
        )
        assert said["ephemeral"]
        assert (await scene.only()).votes == ()
        await scene.maya.click("Approve", message=await scene.card(grant))
        await scene.reaches(grant, State.ACTIVE)
        await scene.omar.command("/access revoke")
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.votes == ("U0MAYA",)


async def test_an_extension_denied(play: Play) -> None:
    """The former end holds, and comes."""
    async with play() as scene:
        before = await scene.active()
        login = await scene.logged_in()
        await scene.dana.command("/access extend prod-db 1h not done yet")
        asked = await scene.maya.waits_for("not done yet", channel="#approvals")
        await scene.maya.click("extension_deny:1", message=asked)
        await scene.maya.submit({"Why": "tomorrow is another day"})
        await scene.told("tomorrow is another day")
        assert (await scene.only()).expires_at == before.expires_at
        await scene.pass_time(30 * MINUTE)
        ended = await scene.reaches(before, State.ENDED)
        assert ended.end_reason is EndReason.EXPIRED
        assert await login.is_cut()


async def test_a_start_at_night(play: Play) -> None:
    """Approved now, it begins at the time that was named, in the requester's own time zone."""
    async with play() as scene:
        at = datetime.now(ZoneInfo("Europe/Berlin")) + 2 * HOUR
        line = f"/access prod-db 30m at {at:%Y-%m-%d %H:%M} while nobody looks"
        grant = await scene.asked(line)
        await scene.maya.click("Approve", message=await scene.card(grant))
        scheduled = await scene.reaches(grant, State.SCHEDULED)
        assert scheduled.starts_at == at.replace(second=0, microsecond=0)
        assert scene.roles() == set()
        await scene.pass_time(2 * HOUR)
        active = await scene.reaches(grant, State.ACTIVE)
        assert is_about(active, 30 * MINUTE)
        await scene.told("You have")
        await scene.pass_time(30 * MINUTE)
        await scene.reaches(grant, State.ENDED)


async def test_at_once_within_its_limits(play: Play) -> None:
    """Where nobody need approve it starts at once; limit, cooldown and `never` hold as ever."""
    async with play() as scene:
        await scene.dana.command("/access reports 20m look at the numbers")
        grant = await scene.reaches(await scene.only(), State.ACTIVE)
        await scene.told("You have")
        said = await scene.dana.command("/access extend reports 5m go on")
        assert "extend" in text_of(said), text_of(said)
        await scene.pass_time(20 * MINUTE)
        await scene.reaches(grant, State.ENDED)
        soon = text_of(await scene.dana.command("/access reports 5m look again"))
        assert "can be had again 10 min after" in soon
        await scene.pass_time(11 * MINUTE)
        much = text_of(await scene.dana.command("/access reports 20m look again"))
        assert "30 min of reports can be had within 1 d" in much
        assert len(await scene.grants()) == 1
        await scene.dana.command("/access reports 5m look again")
        second = await scene.reaches(await scene.newest(), State.ACTIVE)
        await scene.dana.command("/access revoke reports")
        await scene.reaches(second, State.ENDED)
