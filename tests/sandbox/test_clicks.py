"""Buttons and menus with a real Bolt app, by Socket Mode and by signed HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox import RefusedActError, SandboxServer, buttons_of
from sandbox.seed import APPROVALS, AUDIT, DANA, GARY, MAYA, OTHER_TEAM, OUTSIDERS, STELLA
from tests.sandbox.kit import (
    BoltApp,
    Heard,
    actions,
    button,
    option,
    post_card,
)

Json = dict[str, Any]


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
    for action in ("c", "o", "u", "d"):
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
