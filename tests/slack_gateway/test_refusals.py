"""Every no is said in private, with the reason and the way out; nothing is written by it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bot.domain.grant import State
from bot.slack.words import SHIPPED
from bot.storage.database import Database
from bot.storage.errors import AwayError, OutcomeUnknownError
from sandbox.faults import Fault, FaultKind
from sandbox.player import text_of
from sandbox.seed import APPROVALS, DANA, GARY, MAYA, OLGA, STELLA
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.player import Player
    from sandbox.postgres import EmbeddedPostgres
    from tests.slack_gateway.floor import Floor

REASON = "fix the stuck order"


async def pending(here: Floor) -> dict[str, object]:
    """The card of a request that waits, as Maya sees it."""
    await here.dana.command(f"/access prod-db 30m {REASON}")
    return await here.maya.waits_for(REASON, channel="approvals")


async def told(here: Floor, player: Player, text: str) -> None:
    """The person is told this, and nobody else is."""
    said = await player.waits_for(text, channel="approvals")

    assert said["ephemeral"]

    for other in (DANA, MAYA, OLGA):
        if other != player.id:
            assert text not in text_of(here.sandbox.person(other).sees("approvals"))


@pytest.mark.parametrize("label", ["Approve", "Deny", "Approve shorter"])
@pytest.mark.parametrize(
    ("who", "why"),
    [
        (DANA, "Nobody decides on their own request."),
        (OLGA, "You are not among those who decide on prod-db."),
    ],
)
async def test_who_may_not_decide(database: Database, label: str, who: str, why: str) -> None:
    """The requester and an admin are told why not and who can; the request still waits."""
    async with floor(database) as here:
        card = await pending(here)
        player = here.sandbox.person(who)
        await player.click(label, message=card)
        await told(here, player, why)
        await player.waits_for("@dba", channel="approvals")

        assert player.modal is None
        assert (await here.only()).votes == ()


async def test_strangers_are_refused_before_anything_is_looked_up(
    database: Database, road: str
) -> None:
    """Somebody of another workspace who sees the card in a shared channel can press nothing."""
    async with floor(database, road) as here:
        card = await pending(here)
        here.sandbox.workspace.channels[APPROVALS].members.append(STELLA)
        stella = here.sandbox.person(STELLA)
        await stella.click("Approve", message=card)
        await told(here, stella, "People of other workspaces cannot use Curfew here.")

        asked = [call["args"] for call in here.sandbox.traffic.calls("users.info")]

        assert STELLA not in str(asked)
        assert (await here.only()).votes == ()


async def test_guests_are_refused(database: Database) -> None:
    """A guest is told so, for a line and for a click."""
    async with floor(database) as here:
        card = await pending(here)
        here.sandbox.workspace.channels[APPROVALS].members.append(GARY)
        gary = here.sandbox.person(GARY)
        say = here.answers_to(gary)
        await gary.click("Approve", message=card)

        await told(here, gary, "Guests cannot use Curfew here.")
        assert "Guests cannot use Curfew here." in await say("/access prod-db 30m please let me")
        assert "Guests cannot use Curfew here." in await say("/access list")
        assert "asked for here and gone on time" in await say("/access help")


async def test_who_was_deactivated_meanwhile(database: Database) -> None:
    """An approver who left can approve nothing, though the button was theirs a minute ago."""
    async with floor(database) as here:
        card = await pending(here)
        here.sandbox.admin.change_user(MAYA, deleted=True)
        envelope = {"type": "interactive", "payload": press(here, card, MAYA)}
        await here.sandbox.redelivery.forged(envelope)

        assert (await here.only()).votes == ()
        assert "click.refused" in await here.kinds()


def press(
    here: Floor, message: dict[str, object], user: str, **changes: object
) -> dict[str, object]:
    """The payload of Approve on a message, as Slack would send it."""
    grant = next(
        element["value"]
        for block in message["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    )
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": here.sandbox.workspace.team_id},
        "team": {"id": here.sandbox.workspace.team_id},
        "api_app_id": "A0SANDBOX",
        "trigger_id": "1.2.abc",
        "container": {
            "type": "message",
            "channel_id": message["channel"],
            "message_ts": message["ts"],
        },
        "channel": {"id": message["channel"]},
        "actions": [{"type": "button", "action_id": "approve", "block_id": "b", "value": grant}],
        **changes,
    }


@pytest.mark.parametrize(
    "container",
    [
        {"type": "message", "channel_id": "C0GENERAL", "message_ts": "1.000001"},
        {"type": "message", "channel_id": APPROVALS, "message_ts": "1.000001"},
        {"type": "message", "is_ephemeral": True},
        {"type": "view", "view_id": "V1"},
        {},
    ],
)
async def test_a_copy_of_the_card_does_nothing(
    database: Database, container: dict[str, object]
) -> None:
    """A click counts only on the message that Curfew posted for that grant."""
    async with floor(database) as here:
        card = await pending(here)
        payload = press(here, card, MAYA, container=container)
        [ack] = await here.sandbox.redelivery.forged({"type": "interactive", "payload": payload})

        assert ack.is_ok
        assert (await here.only()).votes == ()


async def test_a_button_of_another_grant_on_the_card(database: Database) -> None:
    """The value of a button is no authority: it must be the card's own grant."""
    async with floor(database) as here:
        card = await pending(here)
        await here.omar.command("/access prod-db 30m another thing to do")
        grants = {grant.requester: grant for grant in await here.grants()}
        payload = press(here, card, MAYA)
        payload["actions"][0]["value"] = grants["U0OMAR"].id
        await here.sandbox.redelivery.forged({"type": "interactive", "payload": payload})

        await told(here, here.maya, "This is not the message that Curfew posted")
        assert all(grant.votes == () for grant in await here.grants())


async def test_a_late_click_hears_what_happened(database: Database, road: str) -> None:
    """Whoever presses after the decision is told who decided and when."""
    async with floor(database, road) as here:
        card = await pending(here)
        await here.maya.click("Approve", message=card)
        await here.until(State.ACTIVE)
        await here.omar.click("Approve", message=card)
        await told(here, here.omar, "maya approved this at")
        await here.omar.click("Deny", message=card)
        await here.omar.waits_for("approved this at", channel="approvals")

        assert here.omar.modal is None


async def test_nothing_to_extend(database: Database) -> None:
    """Extend on a message of a grant that is over is answered, and opens no form."""
    async with floor(database) as here:
        await here.active()
        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Revoke now", message=granted)
        await here.until(State.ENDED)
        await here.dana.click("Extend", message=granted)
        said = await here.dana.waits_for("dana ended this at", channel=here.sandbox_dm)

        assert said["ephemeral"]
        assert here.dana.modal is None


async def test_credentials_are_shown_to_nobody_else(database: Database) -> None:
    """Whoever else gets hold of the button sees a form that says no."""
    async with floor(database) as here:
        await here.active()
        granted = await here.dana.waits_for("Get credentials")
        payload = press(here, granted, MAYA)
        payload["trigger_id"] = here.sandbox.workspace.views.new_trigger(MAYA)
        payload["actions"][0]["action_id"] = "credentials"
        await here.sandbox.redelivery.forged({"type": "interactive", "payload": payload})
        view = await here.maya.waits_for_modal("shown only to the person")

        assert "curfew-" not in text_of(view)


@pytest.mark.parametrize(
    ("line", "why", "paste"),
    [
        ("/access prod-bd 30m fix it", "did you mean “prod-db”?", "/access prod-db 30m fix it"),
        ("/access prod-db 30min fix it", "is not a duration", "/access prod-db 30m fix it"),
        ("/access prod-db 9h fix it now", "4 h at most", "/access prod-db 4h fix it now"),
        ("/access prod-db 30m x", "asks for 5 at least", ""),
        ("/access vault 10m fix the thing that is broken", "INC-[0-9]+", ""),
        ("/access who nothing", "is no resource", ""),
        ("/access emergency prod-db fix it", "no emergency", "/access prod-db fix it"),
        ("/access audit @nobody", "There is nobody called @nobody", ""),
        ("/access audit @maya", "Only approvers", ""),
        ("/access extend prod-db 30m", "nothing open by that name", ""),
        ("/access revoke", "You have nothing open.", "/access list"),
        ("/access zzzz <!channel> *x*", "neither a resource nor a command", ""),
    ],
)
async def test_wrong_lines(database: Database, line: str, why: str, paste: str) -> None:
    """What was wrong is said, and the corrected line stands by itself, ready to paste."""
    async with floor(database) as here:
        said = (await here.dana.command(line))["response"]
        pieces = [block for block in said["blocks"] if block["type"] == "rich_text"]

        assert why in text_of(said)
        assert said["ephemeral"]
        assert "\n".join(text_of(piece) for piece in pieces) == paste
        assert await here.grants() == []


async def test_the_extension_that_would_be_too_long(database: Database) -> None:
    """The corrected line has the most that is possible."""
    async with floor(database) as here:
        await here.active()
        say = here.answers_to(here.dana)

        assert "/access extend prod-db 210m go on" in await say("/access extend prod-db 5h go on")


async def test_when_the_database_is_away(
    road: str, postgres_url: str, postgres_server: EmbeddedPostgres
) -> None:
    """A line, a click and a form are answered all the same, and told that nothing was changed."""
    async with (
        await Database.open(postgres_url, exclusive=True) as database,
        floor(database, road) as here,
    ):
        card = await pending(here)
        await here.maya.click("Deny", message=card)
        await here.maya.waits_for_modal("Why")
        why = "The database is away, nothing was changed."
        say = here.answers_to(here.dana)
        with shut(postgres_server, postgres_url):
            line = await say("/access mine")
            form = await here.maya.submit({"reason": "no"})
            await here.omar.click("Approve", message=card)
            await told(here, here.omar, why)

        assert why in line
        assert why in form["errors"]["reason"]


@contextmanager
def shut(server: EmbeddedPostgres, url: str) -> Iterator[None]:
    """Nobody gets into that database meanwhile, and whoever is in it is thrown out."""
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        door = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        conn.execute(door.format(sql.Identifier(str(name)), sql.SQL("false")))
        conn.execute(out, [name])
        yield
        conn.execute(door.format(sql.Identifier(str(name)), sql.SQL("true")))


async def test_what_nobody_foresaw(
    database: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The person gets a reference and not the error; the log has both."""
    async with floor(database) as here:
        trouble = here.desk.explain(ZeroDivisionError("a secret of ours"))
        unsure = here.desk.explain(OutcomeUnknownError("gone."))
        away = here.desk.explain(AwayError("gone."))
        said = capsys.readouterr().out + caplog.text
        ref = trouble.message.partition("(ref ")[2].partition(")")[0]

        assert "secret" not in trouble.sentence
        assert ref in said
        assert "not sure whether that was done" in unsure.message
        assert "nothing was changed" in away.message


async def test_when_slack_cannot_say_who(database: Database) -> None:
    """Without an answer about the person nothing is done, and they are told to try again."""
    async with floor(database) as here:
        await here.desk.workspace.identity()
        here.sandbox.faults.add(Fault("users.info", FaultKind.STATUS, times=None, status=503))
        say = here.answers_to(here.dana)

        assert "Slack could not say who you are" in await say(f"/access prod-db 30m {REASON}")
        assert await here.grants() == []


async def test_a_form_that_slack_does_not_open(database: Database) -> None:
    """Somebody whose form was refused by Slack is told to try again."""
    async with floor(database) as here:
        here.sandbox.faults.add(Fault("views.open", FaultKind.ERROR, error="expired_trigger_id"))
        say = here.answers_to(here.dana)

        assert "did not open the form in time" in await say("/access")


async def test_a_form_that_takes_long_to_make(database: Database) -> None:
    """Something stands there at once; the form takes its place."""
    async with floor(database) as here:
        await here.desk.workspace.identity()
        here.sandbox.faults.add(Fault("usergroups.list", FaultKind.SLOW, seconds=1.2))
        await here.dana.command("/access")

        assert "One moment" in text_of(here.dana.modal)
        await here.dana.waits_for_modal("For how long")


async def test_a_refusal_finds_another_way(database: Database) -> None:
    """Where nothing can be said in the channel, a small form says it."""
    async with floor(database) as here:
        card = await pending(here)
        here.sandbox.faults.add(
            Fault("chat.postEphemeral", FaultKind.ERROR, error="user_not_in_channel")
        )
        await here.dana.click("Approve", message=card)
        view = await here.dana.waits_for_modal("Nobody decides on their own request.")

        assert view["callback_id"] == "notice_form"


async def test_refused_on_the_home_tab(database: Database, road: str) -> None:
    """A stale button of the Home tab is answered by a small form."""
    async with floor(database, road) as here:
        await here.active()
        await here.dana.open_home()
        await here.sandbox.until(lambda: "Revoke now" in text_of(here.dana.home))
        home, card = here.dana.home, await here.dana.waits_for("Revoke now", channel="approvals")
        await here.dana.click("revoke", view=home)
        await here.until(State.ENDED)
        payload = press(here, card, DANA, view=home)
        payload["container"] = {"type": "view", "view_id": home["id"]}
        payload["trigger_id"] = here.sandbox.workspace.views.new_trigger(DANA)
        payload["actions"][0]["action_id"] = "revoke"
        await here.sandbox.redelivery.forged({"type": "interactive", "payload": payload})

        await here.dana.waits_for_modal("dana ended this at")

        assert here.sandbox.traffic.calls("chat.postEphemeral") == []


def test_every_trouble_has_a_way_out() -> None:
    """Each sentence of ours that says no has one beside it that says what to do."""
    text = (SHIPPED / "answer" / "trouble.j2").read_text()
    parts = set(re.findall(r"{% block (\w+) %}", text)) - {"to_paste"}
    sentences = {part for part in parts if not part.endswith("_hint")}

    assert {f"{part}_hint" for part in sentences} == parts - sentences
