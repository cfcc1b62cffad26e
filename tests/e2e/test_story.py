"""The whole story on the page, by clicking."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from sandbox.seed import APPROVALS, AUDIT, DANA, MAYA, OLGA, OMAR
from tests.e2e.demo import (
    Demo,
    button,
    form,
    go,
    gone,
    message,
    named,
    press,
    shoot,
    window,
    write,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUCK = "select count(*) from orders where status = 'stuck'"


async def test_asked_approved_used_extended_revoked(demo: Demo) -> None:
    """Dana asks, Maya approves, psql logs in, more time is asked for and given, Maya ends it."""
    page = await demo.open(f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}")
    dana, maya = window(page, DANA), window(page, MAYA)
    await write(dana, "/access prod-db 5m look at the stuck orders")
    await expect(dana.locator(".message.ephemeral").last).to_contain_text("Waiting for @dba")
    card = message(maya, "look at the stuck orders")
    await expect(card).to_contain_text("Waiting for approval")
    await shoot(page, "story-1-asked")
    await press(card, "Approve")
    await expect(card).to_contain_text("Active until")
    await shoot(page, "story-2-active")

    await go(dana, "Curfew")
    granted = message(dana, "You have")
    await press(granted, "Get credentials")
    shown = form(dana, "Credentials")
    await expect(shown).to_contain_text("Shown once, never stored")
    await shoot(page, "story-3-credentials")
    line = await shown.locator("pre").filter(has_text="psql").inner_text()
    assert await demo.log_in(line, STUCK) == (0, "3")
    await press(shown, "Close")
    await gone(shown)

    await press(granted, "Extend")
    more = form(dana, "Extend")
    await more.get_by_label("How much more").fill("2m")
    await more.get_by_label("Why").fill("two of three are done")
    await shoot(page, "story-4-extend-form")
    await press(more, "Ask for more time")
    await gone(more)
    asked = message(maya, "two of three are done")
    await expect(asked).to_contain_text("More time: waiting for approval")
    await shoot(page, "story-5-extension-asked")
    await press(asked, "Approve")
    await expect(message(maya, "two of three are done")).to_contain_text("More time: given")
    await expect(message(dana, "Extended.")).to_be_visible()
    await shoot(page, "story-6-extended")

    await press(card, "Revoke now")
    question = maya.get_by_role("alertdialog").or_(form(maya, "End this access?"))
    await expect(question).to_contain_text("loses prod-db at once")
    await shoot(page, "story-7-revoke-question")
    await press(question, "Revoke now")
    await expect(message(maya, "look at the stuck orders")).to_contain_text(
        "Ended, checked and gone"
    )
    await expect(message(dana, "Ended.")).to_contain_text("ended early by @Maya")
    code, said = await demo.log_in(line, STUCK)
    assert (code, "authentication failed" in said) == (2, True)
    await go(maya, "audit")
    await expect(message(maya, "Verified gone")).to_contain_text(re.compile(r"#\d+ [0-9a-f]{12}"))
    await shoot(page, "story-8-ended-audit")


async def test_the_end_is_seen_counting_down(demo: Demo) -> None:
    """A short grant: the seconds go down on the card, and at nought it is taken away."""
    page = await demo.open(f"{DANA}:{APPROVALS}", f"{OLGA}:{AUDIT}")
    dana, olga = window(page, DANA), window(page, OLGA)
    await write(dana, "/access prod-db 12s a quick look")
    maya = window(await demo.open(f"{MAYA}:{APPROVALS}"), MAYA)
    await press(message(maya, "a quick look"), "Approve")
    card = message(dana, "a quick look")
    await expect(card.locator(".countdown").first).to_have_text(re.compile(r"in 0:0\d"))
    await shoot(page, "expiry-1-counting")
    await expect(card).to_contain_text("Ended, checked and gone")
    await expect(card).to_contain_text("Its time was over")
    await expect(button(card, "Revoke now")).to_have_count(0)
    await expect(message(olga, "Verified gone")).to_be_visible()
    await expect(message(olga, "Expired")).to_be_visible()
    await named(card, "3 replies").or_(card.locator(".replies button")).first.click()
    await expect(dana.get_by_role("complementary", name="Thread")).to_contain_text("Gone:")
    await shoot(page, "expiry-2-thread")


async def test_two_approvals_and_an_incident(demo: Demo) -> None:
    """Without the number nothing is asked; then one of two, then both, and an operator ends it."""
    page = await demo.open(
        f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}", f"{OMAR}:{APPROVALS}", width=1700
    )
    dana, maya, omar = (window(page, one) for one in (DANA, MAYA, OMAR))
    await write(dana, "/access prod-db-write 2m free the stuck order")
    await expect(dana.locator(".message.ephemeral").last).to_contain_text("INC-[0-9]+")
    await shoot(page, "two-1-refused")
    await write(dana, "/access prod-db-write 2m INC-117 free the stuck order")
    await press(message(maya, "INC-117 free"), "Approve")
    await expect(message(omar, "INC-117 free")).to_contain_text("1 of 2")
    await shoot(page, "two-2-one-of-two")
    await press(message(omar, "INC-117 free"), "Approve")
    await expect(message(dana, "INC-117 free")).to_contain_text("Active until")
    olga = window(await demo.open(f"{OLGA}:{APPROVALS}"), OLGA)
    await press(message(olga, "INC-117 free"), "Revoke now")
    await press(form(olga, "End this access?").or_(olga.get_by_role("alertdialog")), "Revoke now")
    await expect(message(dana, "INC-117 free")).to_contain_text("Ended early by")
    await shoot(page, "two-3-ended")


async def test_a_refusal_is_for_one_pair_of_eyes(demo: Demo) -> None:
    """Dana presses Approve on her own card and is told why not; nobody else sees that."""
    page = await demo.open(f"{DANA}:{APPROVALS}", f"{MAYA}:{APPROVALS}")
    dana, maya = window(page, DANA), window(page, MAYA)
    await write(dana, "/access prod-db 2m may I decide myself")
    card = message(dana, "may I decide myself")
    await press(card, "Approve")
    refusal = dana.locator(".message.ephemeral").last
    await expect(refusal).to_contain_text("Nobody decides on their own request.")
    await expect(maya.get_by_text("Nobody decides on their own request.")).to_have_count(0)
    await shoot(page, "refusal-1-self")
    await write(dana, "/access prod-bd 5m a slip of the hand")
    await expect(dana.locator(".message.ephemeral").last).to_contain_text("did you mean")
    await shoot(page, "refusal-2-typo")
    await press(card, "Cancel request")
    await expect(message(maya, "may I decide myself")).to_contain_text("Cancelled by")
    await shoot(page, "refusal-3-cancelled")
