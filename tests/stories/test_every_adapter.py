"""The main job through Slack with every adapter: asked, approved, used, ended, and told truly."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Caps, Credential, Presence, Snippet
from adapters.conformance import Door, Ground
from bot.demo.shop import Shop
from bot.domain.grant import EndReason, Grant, State
from bot.engine.providers import order_of
from bot.slack.actions import answer_field
from bot.storage import store
from sandbox import Json, text_of
from tests.stories.every_adapter import ROWS, Row, Subject
from tests.stories.scene import MINUTE, Scene, playing

Curtain = Callable[[], AbstractAsyncContextManager[Scene]]
ASK = "/access target 30m fix the stuck order"


@dataclass(frozen=True, slots=True)
class Running:
    row: Row
    server: Any


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.name)
def running_row(request: pytest.FixtureRequest) -> Iterator[Running]:
    """The row's provider; one that is not installed is a failure in CI and a skip elsewhere."""
    row: Row = request.param
    try:
        with row.server() as server:
            yield Running(row, server)
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture
async def subject(running_row: Running) -> AsyncIterator[Subject]:
    async with running_row.row.subject(running_row.server) as made:
        yield made


@pytest.fixture
def curtain(subject: Subject, shop: Shop, sqlite_url: str, tmp_path: Path) -> Curtain:
    """Opens a scene with this provider, by Socket Mode on SQLite; what it leaves is checked."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Scene]:
        before = await subject.ground.inventory()
        policy, given = subject.policy, subject.given
        async with playing(
            "socket", sqlite_url, tmp_path, shop, policy=policy, given=given
        ) as made:
            yield made
        assert await subject.ground.inventory() == before

    return opened


async def test_from_the_request_to_a_revoke(curtain: Curtain, subject: Subject) -> None:
    """A line, a click, and they are in; a click, and they are out, with what they had open."""
    async with curtain() as scene:
        grant, granted = await approved(scene, subject)
        credential, door = await goes_in(scene, subject.ground, grant)
        await scene.dana.click("Revoke now", message=granted)
        await done_by_hand(scene, subject, grant, Presence.ABSENT)
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.end_reason is EndReason.REVOKED
        await is_out(scene, subject.ground, ended, credential, door)
        await is_told(scene, grant, "Requested", "Approved", "Started", "Revoked", "Verified gone")


async def test_the_time_is_over(curtain: Curtain, subject: Subject) -> None:
    """At the end of the time they are out, by nobody's click."""
    async with curtain() as scene:
        grant, _ = await approved(scene, subject)
        credential, door = await goes_in(scene, subject.ground, grant)
        await scene.pass_time(30 * MINUTE)
        await done_by_hand(scene, subject, grant, Presence.ABSENT)
        ended = await scene.reaches(grant, State.ENDED)
        assert ended.end_reason is EndReason.EXPIRED
        await is_out(scene, subject.ground, ended, credential, door)
        await is_told(scene, grant, "Requested", "Approved", "Started", "Expired", "Verified gone")


async def approved(scene: Scene, subject: Subject) -> tuple[Grant, Json]:
    """Dana asks, Maya approves, the access is there; what Dana was told of it."""
    grant = await scene.asked(ASK)
    await scene.maya.click("Approve", message=await scene.card(grant))
    await done_by_hand(scene, subject, grant, Presence.PRESENT)
    granted = await scene.told("You have")
    return await scene.reaches(grant, State.ACTIVE), granted


TASKS = {
    Presence.PRESENT: "To be done by hand: give access",
    Presence.ABSENT: "To be done by hand: take access away",
}


async def done_by_hand(scene: Scene, subject: Subject, grant: Grant, wanted: Presence) -> None:
    """Where a person is the provider: Olga does what the card asks for and presses Done."""
    if not subject.is_by_hand:
        return
    card = await scene.olga.waits_for(TASKS[wanted], channel="#approvals", within=20)
    asked = await scene.until(lambda: _with_end(scene, grant), "an end")
    assert await subject.ground.by_hand(order_of(asked), wanted) is wanted
    await scene.olga.click("Done", message=card)


async def _with_end(scene: Scene, grant: Grant) -> Grant | None:
    now = await scene.database.read(partial(store.get_grant, grant_id=grant.id))
    return now if now is not None and now.expires_at is not None else None


async def goes_in(
    scene: Scene, ground: Ground, grant: Grant
) -> tuple[Credential | None, Door | None]:
    """Dana gets in, judged by the provider's own client, and leaves a session open if it can be."""
    order, caps = order_of(grant), scene.bot.engine.providers.caps(grant)
    credential = None
    if Caps.ISSUES_CREDENTIALS in caps:
        credential = await taken(scene, ground)
    assert await ground.admits(order, credential)
    if Caps.ENDS_SESSIONS in caps:
        return credential, await ground.open_door(order, credential)
    return credential, None


async def is_out(
    scene: Scene, ground: Ground, grant: Grant, credential: Credential | None, door: Door | None
) -> None:
    """Nothing opens any more, and Dana was told when that was proven."""
    await scene.told("Ended.")
    assert not await ground.admits(order_of(grant), credential)
    if door is not None:
        assert not await door.is_open()
        await door.close()


async def taken(scene: Scene, ground: Ground) -> Credential:
    """Dana presses Get credentials, answers what is asked, and reads what she is shown."""
    await scene.dana.click("Get credentials")
    form = await scene.dana.waits_for_modal()
    if form["submit"]:
        answers = ground.answers()
        await scene.dana.submit({answer_field(name): text for name, text in answers.items()})
    shown = await scene.dana.waits_for_modal("Shown once")
    await scene.dana.close()
    credential = Credential(tuple(_snippets(shown["blocks"])))
    scene.secrets += [snippet.text for snippet in credential.snippets]
    return credential


def _snippets(blocks: list[Json]) -> Iterator[Snippet]:
    """Each preformatted block, under the words before it."""
    for label, block in pairwise(blocks):
        if block["type"] == "rich_text":
            yield Snippet(text_of(label).strip("*"), text_of(block))


async def is_told(scene: Scene, grant: Grant, *words: str) -> None:
    """The audit channel has each of these lines about the grant, once and in this order."""
    await scene.audit_line("Verified gone")
    lines = [text_of(message) for message in scene.olga.sees("#audit")]
    about = [line.split("*")[1] for line in lines if grant.id in line and line.startswith("*")]
    assert [word for word in about if word in words] == list(words), lines
