"""Buttons and forms in the wrong hands. Numbers are those of the table in docs/security.md."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.app.bot import running
from bot.domain.grant import State
from sandbox.player import text_of
from sandbox.seed import APPROVALS, AUDIT, DANA, DBA, GARY, GENERAL, MAYA, OLGA, OMAR, STELLA
from sandbox.workspace import BOT_USER
from tests.security.house import LANDED, LINE, House, house

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.shop import Shop
    from tests.security.conftest import Build


async def test_06_the_value_of_a_button_is_no_authority(here: House) -> None:
    """Another grant's id on this card's button decides neither of the two."""
    card = await here.asked()
    await here.omar.command("/access prod-db 30m another thing to mend")
    other = next(grant for grant in await here.grants() if grant.requester == OMAR)
    payload = here.press(card, MAYA, "approve")
    payload["actions"][0]["value"] = other.id

    assert (await here.send("interactive", payload))[0] == 200
    await here.maya.waits_for("not the message that Curfew posted", channel="approvals")
    assert [grant.state for grant in await here.grants()] == [State.PENDING] * 2


@pytest.mark.parametrize("action", ["revoke", "cancel", "extend", "credentials", "deny"])
async def test_06_another_action_on_the_same_card(here: House, action: str) -> None:
    """A button that was never there does nothing for somebody who may not."""
    card = await here.asked()
    outsider = {"revoke": GARY, "cancel": MAYA, "extend": MAYA, "credentials": MAYA, "deny": OLGA}
    payload = here.press(card, outsider[action], action)

    assert (await here.send("interactive", payload))[0] == 200
    assert (await here.only()).state is State.PENDING
    assert here.logins() == []


async def test_06_the_time_in_a_form_never_lengthens(here: House) -> None:
    """Approve shorter with more than was asked for approves nothing."""
    await here.asked()
    grant = await here.only()
    metadata = f'{{"grant": "{grant.id}", "duration": 86400, "resource": "vault"}}'
    typed = {"duration": {"type": "plain_text_input", "value": "4h"}}
    status, body = await here.send("interactive", here.form(MAYA, "shorter_form", metadata, typed))

    assert status == 200
    assert "never lengthen" in body
    assert (await here.only()).votes == ()


async def test_07_a_card_copied_elsewhere_decides_nothing(here: House) -> None:
    """The same button in another channel, another message or another workspace is refused."""
    card = await here.asked()
    places = [
        {"type": "message", "channel_id": GENERAL, "message_ts": card["ts"]},
        {"type": "message", "channel_id": APPROVALS, "message_ts": "1.000001"},
        {"type": "message", "channel_id": AUDIT, "message_ts": card["ts"]},
        {
            "type": "message",
            "channel_id": APPROVALS,
            "message_ts": card["ts"],
            "is_ephemeral": True,
        },
    ]
    for place in places:
        await here.send("interactive", here.press(card, MAYA, "approve", container=place))
    elsewhere = {"id": MAYA, "team_id": "T0ELSEWHERE"}
    await here.send("interactive", here.press(card, MAYA, "approve", user=elsewhere))

    assert (await here.only()).votes == ()


async def test_08_nobody_decides_on_their_own_request(build: Build) -> None:
    """The requester is refused by button and by form, member of the approvers or not."""
    here = await build()
    here.sandbox.admin.change_usergroup(DBA, users=[MAYA, OMAR, DANA])
    card = await here.asked()
    await here.send("interactive", here.press(card, DANA, "approve"))
    await here.dana.waits_for("Nobody decides on their own request.", channel="approvals")
    grant = await here.only()
    typed = {"duration": {"type": "plain_text_input", "value": "5m"}}
    metadata = f'{{"grant": "{grant.id}"}}'
    _, body = await here.send("interactive", here.form(DANA, "shorter_form", metadata, typed))

    assert "Nobody decides on their own request." in body
    assert (await here.only()).votes == ()
    assert await here.refusals() == ["own_request", "own_request"]


async def test_08_a_second_account_is_the_same_person(here: House) -> None:
    """An approver's account with the requester's address, in any case, decides nothing."""
    here.sandbox.admin.change_user(OMAR, email="DANA@Example.COM")
    card = await here.asked()
    await here.omar.click("Approve", message=card)
    await here.omar.waits_for("Nobody decides on their own request.", channel="approvals")

    assert (await here.only()).votes == ()


async def test_09_joining_the_approvers_helps_nobody(here: House) -> None:
    """Whoever asked and then entered the group of approvers is still who asked."""
    card = await here.asked()
    here.sandbox.admin.change_usergroup(DBA, users=[MAYA, DANA])
    here.age_directory()
    await here.dana.click("Approve", message=card)
    await here.dana.waits_for("Nobody decides on their own request.", channel="approvals")

    assert (await here.only()).votes == ()


async def test_10_a_right_that_was_lost_counts_no_more(here: House) -> None:
    """An approver who left the group, or the company, after the card was posted is refused."""
    card = await here.asked()
    await here.maya.click("Deny", message=card)
    await here.maya.waits_for_modal("Why")
    await here.maya.close()
    here.sandbox.admin.change_usergroup(DBA, users=[OMAR])
    here.age_directory()
    await here.maya.click("Approve", message=card)
    await here.maya.waits_for("You are not among those who decide", channel="approvals")
    here.sandbox.admin.change_user(OMAR, deleted=True)
    here.age_directory()
    await here.send("interactive", here.press(card, OMAR, "approve"))

    assert (await here.only()).votes == ()
    assert await here.refusals() == ["not_approver", "not_member"]


async def test_10_a_vote_of_two_is_looked_at_again(here: House) -> None:
    """Who lost the right between the first vote and the second does not cast the second."""
    card = await here.asked("/access vault 30m fix the stuck order")
    await here.maya.click("Approve", message=card)
    here.sandbox.admin.change_usergroup(DBA, users=[MAYA])
    here.age_directory()
    await here.omar.click("Approve", message=card)
    await here.omar.waits_for("You are not among those who decide", channel="approvals")

    assert (await here.only()).votes == (MAYA,)


@pytest.mark.parametrize("road", ["http", "socket"])
async def test_11_outsiders(build: Build, road: str) -> None:
    """Guests, bots, people of other workspaces and who left may neither ask nor decide."""
    here = await build(road=road)
    channel = here.sandbox.workspace.channels[APPROVALS]
    channel.members += [GARY, STELLA]
    card = await here.asked()
    await here.gary.click("Approve", message=card)
    await here.gary.waits_for("Guests cannot use Curfew here.", channel="approvals")
    await here.stella.click("Approve", message=card)
    await here.stella.waits_for("People of other workspaces", channel="approvals")

    assert "Guests cannot use Curfew here." in await here.told(here.gary, LINE)

    for user in (BOT_USER, "USLACKBOT", "U0DORIS", "U0NOBODY", "", "' OR 1=1 --"):
        payload = here.press(card, user, "approve", trigger_id="1.2.x")
        envelope = {"type": "interactive", "payload": payload}
        await here.sandbox.redelivery.forged(envelope)

    assert (await here.only()).votes == ()
    assert len(await here.grants()) == 1


async def test_12_approve_and_deny_at_once(here: House) -> None:
    """One wins, the other is told; a double click is one vote."""
    card = await here.asked()
    await here.omar.click("Deny", message=card)
    await here.omar.waits_for_modal("Why")
    await asyncio.gather(
        here.maya.click("Approve", message=card),
        here.maya.click("Approve", message=card),
        here.omar.submit({"reason": "no"}),
    )
    kinds = await here.kinds()

    assert kinds.count("grant.approved") + kinds.count("grant.denied") == 1
    assert (await here.only()).votes in {(), (MAYA,)}


async def test_12_two_replicas(shop: Shop, postgres_url: str, tmp_path: Path) -> None:
    """Two bots on one database, a click at each at the same time: one decision, one login."""
    async with house(shop, postgres_url, tmp_path, road="socket") as here:
        environ = {"ORDERS_ADMIN_DSN": shop.admin_dsn}
        async with running(here.settings, lambda: environ):
            await here.sandbox.connected(connections=4)
            card = await here.asked()
            await here.omar.click("Deny", message=card)
            await here.omar.waits_for_modal("Why")
            await asyncio.gather(
                *(here.maya.click("Approve", message=card) for _ in range(4)),
                here.omar.submit({"reason": "no"}),
            )
            kinds = await here.kinds()
            decided = kinds.count("grant.approved") + kinds.count("grant.denied")
            if "grant.approved" in kinds:
                await here.until(State.ACTIVE)

            assert decided == 1
            assert len(here.logins()) == kinds.count("grant.approved")


async def test_13_two_approvals_are_two_people(here: House) -> None:
    """Maya is named twice in the policy and clicks twice: one vote. Her second account: none."""
    card = await here.asked("/access vault 30m fix the stuck order")
    await here.maya.click("Approve", message=card)
    await here.maya.click("Approve", message=card)
    await here.maya.waits_for("You have approved this already", channel="approvals")
    here.sandbox.admin.change_user(OMAR, email="Maya@Example.com")
    here.age_directory()
    await here.omar.click("Approve", message=card)
    await here.omar.waits_for("with another account", channel="approvals")

    assert (await here.only()).state is State.PENDING

    await here.olga.click("Approve", message=card)
    assert (await here.until(State.ACTIVE)).votes == (MAYA, OLGA)


async def test_14_extending_has_an_end(here: House) -> None:
    """Not by another person, never past the limit from the start, not after the end."""
    grant = await here.active()
    typed = {
        "duration": {"type": "plain_text_input", "value": "10m"},
        "reason": {"type": "plain_text_input", "value": "more of it"},
    }
    metadata = f'{{"grant": "{grant.id}"}}'
    _, body = await here.send("interactive", here.form(OMAR, "extend_form", metadata, typed))

    assert "Only the person whose access it is" in body

    for _ in range(20):
        await here.told(here.dana, "/access extend prod-db 4m once more")
    longest = await here.only()

    assert grant.started_at is not None
    assert longest.expires_at is not None
    assert grant.expires_at is not None
    assert grant.expires_at < longest.expires_at
    assert longest.expires_at - grant.started_at <= timedelta(hours=1)
    assert "over_limit" in await here.refusals()

    await here.told(here.dana, "/access revoke prod-db")
    await here.until(State.ENDED)
    _, body = await here.send("interactive", here.form(DANA, "extend_form", metadata, typed))

    assert "ended" in body
    assert (await here.only()).expires_at == longest.expires_at


async def test_14_an_extension_is_no_second_life(here: House) -> None:
    """Asked for in the instant of the revoke, it does not undo it."""
    await here.active()
    await asyncio.gather(
        here.told(here.dana, "/access revoke prod-db"),
        here.told(here.dana, "/access extend prod-db 4m once more"),
    )
    await here.until(State.ENDED, LANDED)  # the extension may be at the provider just then

    assert here.logins() == []


async def test_06_credentials_are_for_one_person(here: House) -> None:
    """Whoever presses the requester's button gets a form that says no, and none is made."""
    grant = await here.active()
    granted = await here.dana.waits_for("Get credentials")
    payload = here.press(granted, MAYA, "credentials")
    await here.send("interactive", payload)
    view = await here.maya.waits_for_modal("shown only to the person")

    assert "postgresql://" not in text_of(view)
    assert "credentials.issued" not in await here.kinds()
    [(verifier,)] = here.look(
        "SELECT rolpassword FROM pg_roles WHERE rolname = %(name)s", name=f"curfew_{grant.id}"
    )
    assert verifier in {None, "********"}
