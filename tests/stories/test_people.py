"""Who is who: those who may nothing, credentials that are one person's, acts that come twice."""

import asyncio
import copy

import psycopg
import pytest

from bot.domain.grant import State
from sandbox import Json, text_of
from sandbox.seed import APPROVALS, BUILDBOT, DORIS, GARY, OTHER_TEAM, OUTSIDERS, STELLA
from tests.stories.scene import Play, Scene

FIX = "/access prod-db 30m fix the stuck order"


def as_somebody_else(scene: Scene, kind: str, user: str, team: str = "") -> Json:
    """The newest envelope of that kind, as if this person had sent it."""
    sent = scene.sandbox.traffic.deliveries(kind)[-1]["envelope"]
    payload: Json = copy.deepcopy(sent["payload"])
    team = team or scene.sandbox.workspace.team_id
    if kind == "slash_commands":
        payload |= {"user_id": user, "team_id": team}
    else:
        payload["user"] |= {"id": user, "team_id": team}
    return {"type": kind, "payload": payload}


@pytest.mark.parametrize("road", ["http", "socket"])
@pytest.mark.parametrize(
    ("user", "team", "why"),
    [
        (GARY, "", "Guests cannot use Curfew here."),
        (STELLA, OTHER_TEAM, "People of other workspaces cannot use Curfew here."),
        (DORIS, "", ""),
        (BUILDBOT, "", ""),
    ],
    ids=["guest", "stranger", "deactivated", "bot"],
)
async def test_those_who_may_nothing(play: Play, road: str, user: str, team: str, why: str) -> None:
    """Neither a line nor a click of theirs changes anything; who can read is told why."""
    async with play(road) as scene:
        grant = await scene.asked(FIX)
        line = as_somebody_else(scene, "slash_commands", user, team)
        line["payload"]["text"] = "prod-db 30m let me in as well"
        [answer] = await scene.sandbox.redelivery.forged(line)
        assert answer.is_ok
        assert why in text_of(answer.body)
        assert len(await scene.grants()) == 1
        scene.sandbox.workspace.channels[APPROVALS].members.append(user)
        await scene.maya.click("Deny", message=await scene.card(grant))
        await scene.maya.waits_for_modal("Deny")
        press = as_somebody_else(scene, "interactive", user, team)
        for element in press["payload"]["actions"]:
            element["action_id"] = "approve"
        [answer] = await scene.sandbox.redelivery.forged(press)
        assert answer.is_ok
        after = await scene.only()
        assert (after.state, after.votes) == (State.PENDING, ())
        await scene.maya.submit({})
        await scene.reaches(grant, State.DENIED)


async def test_a_guest_in_a_shared_channel(play: Play) -> None:
    """What is typed where strangers are is answered to the one who typed, and to nobody else."""
    async with play() as scene:
        gary = scene.sandbox.person(GARY)
        said = await gary.command(FIX, channel=OUTSIDERS)
        assert "Guests cannot use Curfew here." in text_of(said)
        asked = await scene.dana.command(FIX, channel=OUTSIDERS)
        assert asked["response"]["ephemeral"]
        assert "stuck order" not in text_of(gary.sees(OUTSIDERS))
        await scene.dana.command("/access revoke")
        await scene.reaches(await scene.only(), State.CANCELLED)


async def test_credentials_are_one_persons(play: Play) -> None:
    """Another press makes new ones and ends the old; nobody else and no later press sees any."""
    async with play("http") as scene:
        grant = await scene.active()
        granted = await scene.told("You have")
        first = await scene.logged_in()
        second = await scene.logged_in()
        assert first.password != second.password
        assert (await second.psql("select 1")) == (0, "1")
        assert (await first.psql("select 1"))[0] == 2
        press = as_somebody_else(scene, "interactive", "U0MAYA")
        press["payload"]["trigger_id"] = scene.sandbox.workspace.views.new_trigger("U0MAYA")
        await scene.sandbox.redelivery.forged(press)
        view = text_of(await scene.maya.waits_for_modal("shown only to the person"))
        assert "postgresql://" not in view
        assert (await second.psql("select 1")) == (0, "1")
        await scene.dana.click("Revoke now", message=granted)
        await scene.reaches(grant, State.ENDED)
        await scene.dana.click("Get credentials", message=granted)
        late = text_of(await scene.dana.waits_for_modal("ended this at"))
        assert "postgresql://" not in late
        kinds = await scene.kinds()
        assert kinds.count("credentials.issued") == 2
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(second.dsn)


@pytest.mark.parametrize(
    ("road", "database"), [("http", "postgres"), ("socket", "sqlite")], ids=["http", "socket"]
)
async def test_everything_comes_twice(play: Play, road: str, database: str) -> None:
    """Double clicks and repeated deliveries of a line, a vote and a revoke change nothing more."""
    async with play(road, database) as scene:
        grant = await scene.asked(FIX)
        await again(scene, "slash_commands")
        card = await scene.card(grant)
        clicks = (scene.maya.click("Approve", message=card) for _ in range(3))
        await asyncio.gather(*clicks)
        active = await scene.reaches(grant, State.ACTIVE)
        await again(scene, "interactive")
        granted = await scene.told("Get credentials")
        await asyncio.gather(*(scene.dana.click("Revoke now", message=granted) for _ in range(3)))
        await scene.reaches(grant, State.ENDED)
        await again(scene, "interactive")
        kinds = await scene.kinds()
        assert active.votes == ("U0MAYA",)
        assert kinds.count("grant.requested") == kinds.count("grant.approved") == 1
        assert kinds.count("grant.revoked") == kinds.count("grant.ended") == 1
        assert len(await scene.grants()) == 1


async def again(scene: Scene, kind: str) -> None:
    """Slack delivers the newest envelope of that kind three times more; each is acknowledged."""
    number = scene.sandbox.traffic.deliveries(kind)[-1]["n"]
    acks = await scene.sandbox.redelivery.again(number, times=3)
    assert [ack.is_ok for ack in acks] == [True, True, True]
