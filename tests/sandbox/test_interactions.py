"""Commands, clicks and forms with a real Bolt app, by Socket Mode and by signed HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import RefusedActError, SandboxServer, buttons_of, text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, DORIS, GARY, MAYA, OTHER_TEAM, OUTSIDERS, STELLA
from tests.sandbox.kit import (
    BoltApp,
    actions,
    button,
    client_of,
    field,
    home,
    modal,
    option,
    plain,
    section,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]


class Heard(list[Json]):
    """The bodies that the app got."""

    def by(self, text: str = "", **more: object) -> Callable[..., object]:
        """A listener that keeps the body and acknowledges with this answer."""

        async def listener(ack: AsyncAck, body: Json) -> None:
            self.append(body)
            await ack(text, **more)

        return listener


@pytest.fixture
def heard() -> Heard:
    return Heard()


async def post_card(sandbox: SandboxServer, *elements: Json, channel: str = APPROVALS) -> Json:
    await client_of(sandbox).chat_postMessage(
        channel=channel, text="card", blocks=[section("card"), actions(*elements, block_id="b")]
    )
    return sandbox.person(MAYA).sees(channel)[-1]


# --- commands -------------------------------------------------------------------------------------


async def test_a_command_is_answered_in_its_ack(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """The words of the ack are whispered to who typed; the payload says who and where."""
    either.app.command("/access")(heard.by("asked, waiting"))
    dana = sandbox.person(DANA)
    answer = await dana.command("/access prod-db 30m fix <!channel> & co", channel="#approvals")
    assert answer["ok"]
    assert answer["response"]["ephemeral"]
    assert text_of(dana.sees("#approvals")[-1]) == "asked, waiting"
    assert sandbox.person(MAYA).sees("#approvals") == []
    (body,) = heard
    assert body["text"] == "prod-db 30m fix <!channel> & co"
    assert (body["user_id"], body["channel_id"]) == (DANA, APPROVALS)
    assert body["channel_name"] == "approvals"
    assert body["is_enterprise_install"] == "false"


async def test_an_ack_can_speak_to_the_channel(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """`in_channel` posts for everybody, blocks included."""
    either.app.command("/access")(
        heard.by(response_type="in_channel", text="all", blocks=[section("see")])
    )
    await sandbox.person(DANA).command("/access x", channel="#general")
    assert text_of(sandbox.person(MAYA).sees("#general")[-1]) == "all\nsee"


async def test_an_empty_ack_shows_nothing(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """Acknowledged without words: fine, and nothing appears."""
    either.app.command("/access")(heard.by())
    dana = sandbox.person(DANA)
    assert await dana.command("/access") == {"ok": True}
    assert dana.dms() == []
    assert heard[0]["channel_name"] == "directmessage"
    assert heard[0]["text"] == ""


async def test_an_ack_with_wrong_blocks_is_an_error(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """What Slack could not show fails visibly."""
    either.app.command("/access")(heard.by(text="x", blocks=[section("y" * 3001)]))
    answer = await sandbox.person(DANA).command("/access x")
    assert (answer["ok"], answer["error"]) == (False, "invalid_blocks")
    assert sandbox.person(DANA).dms() == []


@pytest.mark.usefixtures("either")
async def test_an_app_that_does_not_know_the_command(sandbox: SandboxServer) -> None:
    """No listener: nobody acknowledges (Socket Mode) or the app says 404 (HTTP)."""
    sandbox.delivery.ack_limit = 0.3
    answer = await sandbox.person(DANA).command("/access x")
    expected = "dispatch_failed" if sandbox.delivery.request_url else "operation_timeout"
    assert (answer["ok"], answer["error"]) == (False, expected)


async def test_a_command_that_is_acknowledged_too_late(
    sandbox: SandboxServer, either: BoltApp
) -> None:
    """After three seconds of the sandbox's clock the person is told, whatever comes later."""

    @either.app.command("/access")
    async def slow(ack: AsyncAck) -> None:
        sandbox.advance(3.1)
        await ack("too late")

    answer = await sandbox.person(DANA).command("/access x")
    assert answer["error"] == "operation_timeout"
    assert sandbox.person(DANA).dms() == []


async def test_who_can_use_a_command(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """Guests can where they are members; strangers and the deactivated cannot at all."""
    either.app.command("/access")(heard.by())
    assert (await sandbox.person(GARY).command("/access x", channel="#outsiders"))["ok"]
    with pytest.raises(RefusedActError, match="no channel"):
        await sandbox.person(GARY).command("/access x", channel="#approvals")
    stranger = await sandbox.person(STELLA).command("/access x", channel="#outsiders")
    assert stranger["error"] == "restricted_action"
    with pytest.raises(RefusedActError, match="cannot sign in"):
        await sandbox.person(DORIS).command("/access x", channel="#general")
    assert (await sandbox.person(DANA).command("/nothing"))["error"] == "unknown_command"
    assert len(heard) == 1


async def test_mentions_become_entities_only_with_should_escape(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """`should_escape` of the manifest turns names into entities, and nothing else does."""
    either.app.command("/access")(heard.by())
    either.app.command("/escape")(heard.by())
    dana = sandbox.person(DANA)
    await dana.command("/access @maya #general #audit")
    await dana.command("/escape @maya #general #audit @nobody")
    assert heard[0]["text"] == "@maya #general #audit"
    assert heard[1]["text"] == f"<@{MAYA}> <#C0GENERAL|general> <#{AUDIT}|> @nobody"


# --- clicks ---------------------------------------------------------------------------------------


async def test_a_click_says_who_where_and_what(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """The payload has the person, the message as seen, and the one action."""
    either.app.action("approve")(heard.by())
    card = await post_card(sandbox, button(value="grant-1"))
    assert await sandbox.person(MAYA).click("Approve", message=card) == {"ok": True}
    (body,) = heard
    assert body["user"] == {"id": MAYA, "username": "maya", "name": "maya", "team_id": "T0SANDBOX"}
    assert body["container"]["message_ts"] == card["ts"]
    assert body["container"]["is_ephemeral"] is False
    assert body["message"]["blocks"] == card["blocks"]
    (action,) = body["actions"]
    assert (action["action_id"], action["value"], action["type"]) == (
        "approve",
        "grant-1",
        "button",
    )
    assert body["response_url"].startswith(sandbox.url)


async def test_strangers_can_click_and_are_told_apart(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """In a shared channel another company's person can press; the team id gives it away."""
    either.app.action("approve")(heard.by())
    await post_card(sandbox, channel=OUTSIDERS)
    await sandbox.person(STELLA).click("Approve")
    assert heard[0]["user"]["team_id"] == OTHER_TEAM
    assert heard[0]["team"]["id"] == "T0SANDBOX"


async def test_a_stale_click_arrives(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """Who pressed before the card was updated on their screen is heard, with the old message."""
    either.app.action("approve")(heard.by())
    card = await post_card(sandbox)
    await either.client.chat_update(channel=APPROVALS, ts=card["ts"], text="decided")
    with pytest.raises(RefusedActError, match="no longer there"):
        await sandbox.acts.click_message(
            MAYA, APPROVALS, card["ts"], {"block_id": "b", "action_id": "approve"}
        )
    await sandbox.person(MAYA).click("Approve", message=card)
    assert buttons_of(heard[0]["message"]) == ["Approve"]


async def test_a_click_on_an_ephemeral_message(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """The payload has no message and says that it was ephemeral; the response URL replaces it."""
    either.app.action("approve")(heard.by())
    await either.client.chat_postEphemeral(
        channel=APPROVALS, user=DANA, text="sure?", blocks=[actions()]
    )
    dana = sandbox.person(DANA)
    await dana.click("Approve")
    assert "message" not in heard[0]
    assert heard[0]["container"]["is_ephemeral"] is True


async def test_choices(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """A menu sends the option that it offered; what it did not offer cannot be chosen."""
    either.app.action("menu")(heard.by())
    menu = {"type": "static_select", "action_id": "menu", "options": [option("a"), option("b")]}
    card = await post_card(sandbox, menu)
    maya = sandbox.person(MAYA)
    await maya.click("menu", message=card, option="Option b")
    assert heard[0]["actions"][0]["selected_option"] == option("b")
    with pytest.raises(RefusedActError, match="not offered"):
        await maya.click("menu", message=card, option="c")


@pytest.mark.usefixtures("either")
async def test_a_click_that_nobody_acknowledges(sandbox: SandboxServer) -> None:
    """The person is told that it did not work."""
    sandbox.delivery.ack_limit = 0.3
    await post_card(sandbox)
    answer = await sandbox.person(MAYA).click("Approve")
    assert answer["ok"] is False
    assert answer["error"] in ("operation_timeout", "dispatch_failed")


async def test_every_element_says_what_was_chosen(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """Several at once, an overflow menu, a person, a day: each by its own key."""
    several = {"type": "checkboxes", "action_id": "c", "options": [option("a"), option("b")]}
    more = {"type": "overflow", "action_id": "o", "options": [option("x"), option("y")]}
    person = {"type": "users_select", "action_id": "u"}
    day = {"type": "datepicker", "action_id": "d"}
    card = await post_card(sandbox, several, more, person, day)
    for action in "coud":
        either.app.action(action)(heard.by())
    place = (MAYA, APPROVALS, card["ts"])
    both = {"selected_options": [option("b"), {"value": "a"}]}
    await sandbox.acts.click_message(*place, {"block_id": "b", "action_id": "c", **both})
    maya = sandbox.person(MAYA)
    await maya.click("o", message=card, option="y")
    await maya.click("u", message=card, option=DANA)
    await maya.click("d", message=card, option="2026-12-01")
    chosen = [body["actions"][0] for body in heard]
    assert chosen[0]["selected_options"] == [option("b"), option("a")]
    assert chosen[1]["selected_option"] == option("y")
    assert chosen[2]["selected_user"] == DANA
    assert chosen[3]["selected_date"] == "2026-12-01"


async def test_where_a_click_came_from(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """In a thread the container names it; private channels and conversations have their names."""
    either.app.action("approve")(heard.by())
    parent = (await either.client.chat_postMessage(channel=AUDIT, text="parent"))["ts"]
    await either.client.chat_postMessage(
        channel=AUDIT, text="reply", thread_ts=parent, blocks=[actions()]
    )
    await either.client.chat_postMessage(channel=MAYA, text="direct", blocks=[actions()])
    maya = sandbox.person(MAYA)
    await maya.click("Approve", message=maya.sees(AUDIT, thread=parent)[-1])
    await maya.click("Approve", message=maya.dms()[-1])
    assert heard[0]["container"]["thread_ts"] == parent
    assert [body["channel"]["name"] for body in heard] == ["audit", "directmessage"]


async def test_an_app_without_interactivity(sandbox: SandboxServer) -> None:
    """Buttons of an app that did not switch them on do nothing but say so."""
    sandbox.installation.manifest = replace(sandbox.installation.manifest, is_interactive=False)
    await post_card(sandbox)
    assert (await sandbox.person(MAYA).click("Approve"))["error"] == "not_interactive"
    assert sandbox.traffic.deliveries("interactive") == []


async def test_where_people_can_write(sandbox: SandboxServer) -> None:
    """Members write in channels that are not archived."""
    gary, dana = sandbox.person(GARY), sandbox.person(DANA)
    sandbox.admin.change_channel(APPROVALS, kick=DANA)
    with pytest.raises(RefusedActError, match="Join #approvals"):
        await dana.say("x", channel="#approvals")
    sandbox.admin.change_channel(OUTSIDERS, is_archived=True)
    with pytest.raises(RefusedActError, match="archived"):
        await gary.say("x", channel="#outsiders")


# --- forms ----------------------------------------------------------------------------------------


def opens(bolt: BoltApp, view: Json) -> None:
    """Have /access open this form."""

    @bolt.app.command("/access")
    async def open_form(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()


async def test_a_form_is_filled_and_sent(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """What was typed arrives by block and action ids, and the form closes."""
    menu = {"type": "static_select", "action_id": "s", "options": [option("a"), option("b")]}
    boxes = {"type": "checkboxes", "action_id": "c", "options": [option("x"), option("y")]}
    day = {"type": "datepicker", "action_id": "d"}
    view = modal(
        field(),
        field("Size", "size", element=menu),
        field("Extras", "extras", element=boxes, optional=True),
        field("Day", "day", element=day, optional=True),
        private_metadata="kept",
    )
    opens(either, view)
    either.app.view("form")(heard.by())
    dana = sandbox.person(DANA)
    await dana.command("/access")
    answer = await dana.submit({"Reason": "fix orders", "Size": "Option b", "Extras": ["x"]})
    assert answer["ok"]
    assert dana.modal is None
    sent = heard[0]["view"]
    assert sent["private_metadata"] == "kept"
    assert sent["state"]["values"]["reason"]["text"] == {
        "type": "plain_text_input",
        "value": "fix orders",
    }
    assert sent["state"]["values"]["size"]["s"]["selected_option"] == option("b")
    assert sent["state"]["values"]["extras"]["c"]["selected_options"] == [option("x")]
    assert sent["state"]["values"]["day"]["d"]["selected_date"] is None


async def test_slacks_own_client_checks_first(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """An empty required field, a wrong number or address never reach the app."""
    number = {
        "type": "number_input",
        "action_id": "n",
        "is_decimal_allowed": False,
        "min_value": "1",
        "max_value": "9",
    }
    short = {"type": "plain_text_input", "action_id": "t", "min_length": 3, "max_length": 5}
    opens(
        either,
        modal(
            field("Count", "count", element=number),
            field("Mail", "mail", element={"type": "email_text_input", "action_id": "m"}),
            field("Link", "link", element={"type": "url_text_input", "action_id": "l"}),
            field("Code", "code", element=short),
        ),
    )
    either.app.view("form")(heard.by())
    dana = sandbox.person(DANA)
    await dana.command("/access")
    empty = await dana.submit({"Count": "", "Mail": "", "Link": "", "Code": ""})
    assert set(empty["errors"].values()) == {"Please complete this required field."}
    wrong = await dana.submit({"Count": "x", "Mail": "dana", "Link": "ftp:", "Code": "ab"})
    assert set(wrong["errors"]) == {"count", "mail", "link", "code"}
    wrong = await dana.submit(
        {"Count": 10, "Mail": "d@x.org", "Link": "https://x", "Code": "abcdef"}
    )
    assert set(wrong["errors"]) == {"count", "code"}
    wrong = await dana.submit({"Count": 0, "Code": "abc"})
    assert set(wrong["errors"]) == {"count"}
    assert heard == []
    assert (await dana.submit({"Count": 5}))["ok"]
    assert heard[0]["view"]["state"]["values"]["mail"]["m"]["value"] == "d@x.org"


async def test_errors_stand_beside_their_fields(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """`errors` keeps the form open with the sentences; unknown block ids are a fault of the app."""
    opens(either, modal())
    either.app.view("form")(heard.by(response_action="errors", errors={"reason": "Too short."}))
    dana = sandbox.person(DANA)
    await dana.command("/access")
    answer = await dana.submit({"Reason": "x"})
    assert answer["errors"] == {"reason": "Too short."}
    assert dana.modal is not None
    assert dana.modal["state"]["values"]["reason"]["text"]["value"] == "x"


@pytest.mark.parametrize(
    "ack",
    [
        {"response_action": "errors", "errors": {"elsewhere": "No."}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": modal(title=plain("x" * 25))},
        {"response_action": "dance"},
    ],
)
async def test_acks_that_make_no_sense(
    sandbox: SandboxServer, either: BoltApp, heard: Heard, ack: Json
) -> None:
    """The form stays open and the person is told that something went wrong."""
    opens(either, modal())

    @either.app.view("form")
    async def answer(ack: AsyncAck) -> None:
        heard.append({})
        response = await ack()
        assert response is not None

    either.app.middleware(_answering(ack))
    dana = sandbox.person(DANA)
    await dana.command("/access")
    done = await dana.submit({"Reason": "x"})
    assert done["ok"] is False
    assert done["message"]
    assert dana.modal is not None


def _answering(ack: Json) -> Callable[..., object]:
    """A middleware that answers submissions itself, with whatever JSON."""
    from slack_bolt import BoltResponse  # noqa: PLC0415 - needed by this one listener

    async def middleware(body: Json, next_: Callable[..., Any]) -> object:
        if body.get("type") == "view_submission":
            return BoltResponse(status=200, body=ack)  # type: ignore[arg-type] # any JSON goes
        return await next_()

    return middleware


async def test_forms_update_push_and_clear(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """`push` stacks, `update` replaces and `clear` closes all."""
    opens(either, modal(callback_id="one"))
    either.app.view("one")(heard.by(response_action="push", view=modal(callback_id="two")))
    either.app.view("two")(
        heard.by(response_action="update", view=modal(field(), callback_id="three"))
    )
    either.app.view("three")(heard.by(response_action="clear"))
    dana = sandbox.person(DANA)
    await dana.command("/access")
    await dana.submit({"Reason": "a"})
    assert len(sandbox.workspace.views.stack(DANA)) == 2
    await dana.submit({"Reason": "b"})
    assert dana.modal is not None
    assert dana.modal["callback_id"] == "three"
    assert dana.modal["state"]["values"]["reason"]["text"]["value"] == "b"
    await dana.submit()
    assert dana.modal is None
    assert [body["view"]["callback_id"] for body in heard] == ["one", "two", "three"]
    assert heard[1]["view"]["root_view_id"] == heard[0]["view"]["id"]


async def test_closing_a_form(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """The app hears of it only when it asked to with `notify_on_close`."""
    either.app.view_closed("form")(heard.by())
    opens(either, modal())
    dana = sandbox.person(DANA)
    await dana.command("/access")
    await dana.close()
    assert (dana.modal, heard) == (None, [])
    await either.client.views_open(
        trigger_id=sandbox.workspace.views.new_trigger(DANA), view=modal(notify_on_close=True)
    )
    await dana.close()
    assert heard[0]["is_cleared"] is False


async def test_clearing_a_stack(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """`clear_on_close` takes all forms with it, and says so to those that asked."""
    either.app.view_closed("form")(heard.by())
    views = sandbox.workspace.views
    first = await either.client.views_open(
        trigger_id=views.new_trigger(DANA), view=modal(notify_on_close=True)
    )
    await either.client.views_push(
        trigger_id=views.new_trigger(DANA, first["view"]["id"]),
        view=modal(clear_on_close=True, notify_on_close=True),
    )
    dana = sandbox.person(DANA)
    await dana.close()
    assert dana.modal is None
    assert [body["is_cleared"] for body in heard] == [True, True]


async def test_a_click_in_a_form_knows_what_was_typed(
    sandbox: SandboxServer, either: BoltApp, heard: Heard
) -> None:
    """Values travel with a click in the form, and stay when the app updates it."""
    either.app.action("approve")(heard.by())
    opened = await either.client.views_open(
        trigger_id=sandbox.workspace.views.new_trigger(DANA),
        view=modal(field(), actions(button(), block_id="b")),
    )
    view = opened["view"]
    typed = {"reason": {"text": {"type": "plain_text_input", "value": "half a sent"}}}
    choice = {"block_id": "b", "action_id": "approve", "values": typed}
    await sandbox.acts.click_view(DANA, view["id"], choice)
    (body,) = heard
    assert body["container"] == {"type": "view", "view_id": view["id"]}
    assert body["view"]["state"]["values"]["reason"]["text"]["value"] == "half a sent"
    await either.client.views_push(trigger_id=body["trigger_id"], view=modal())
    with pytest.raises(RefusedActError, match="lies over"):
        await sandbox.acts.submit(DANA, view["id"], {})


# --- home -----------------------------------------------------------------------------------------


async def test_the_home_tab(sandbox: SandboxServer, either: BoltApp, heard: Heard) -> None:
    """Opening it tells the app, which publishes; clicks there come as from a view."""

    @either.app.event("app_home_opened")
    async def publish(event: Json, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view=home(actions(block_id="b")))

    either.app.action("approve")(heard.by())
    maya = sandbox.person(MAYA)
    await maya.open_home()
    await sandbox.until(lambda: maya.home)
    await maya.click("Approve")
    assert heard[0]["view"]["type"] == "home"
    assert "response_url" not in heard[0]
    assert sandbox.person(DANA).home is None
