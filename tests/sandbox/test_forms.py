"""Forms and the Home tab with a real Bolt app, by Socket Mode and by signed HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_bolt import BoltResponse

from sandbox import RefusedActError, SandboxServer
from sandbox.seed import DANA, MAYA
from tests.sandbox.kit import (
    BoltApp,
    Heard,
    actions,
    button,
    field,
    home,
    modal,
    option,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]


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
async def test_acks_that_make_no_sense(sandbox: SandboxServer, either: BoltApp, ack: Json) -> None:
    """The form stays open and the person is told that something went wrong."""
    opens(either, modal())
    either.app.middleware(_answering(ack))
    dana = sandbox.person(DANA)
    await dana.command("/access")
    done = await dana.submit({"Reason": "x"})
    assert done["ok"] is False
    assert done["message"]
    assert dana.modal is not None


def _answering(ack: Json) -> Callable[..., object]:
    """A middleware that answers submissions itself, with whatever JSON."""

    async def middleware(body: Json, next_: Callable[..., Any]) -> object:
        if body.get("type") == "view_submission":
            return BoltResponse(status=200, body=ack)
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
    assert sandbox.workspace.views.stack(DANA) == []
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
