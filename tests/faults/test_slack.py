"""Slack in every state but the right one: access ends on time, and everybody hears of it, once.

Each scene closes with the proof of rest of the stories: one line in the audit channel for each
event that wants one, none twice.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Connection, select

from bot.domain.grant import State
from bot.slack.pace import Pace
from bot.storage import store
from bot.storage.tables import notices
from sandbox import text_of
from sandbox.faults import Fault, FaultKind
from sandbox.seed import APPROVALS, AUDIT, DANA, MAYA
from sandbox.socket_mode import Cut
from tests.stories.scene import MINUTE, Play, Scene

ALL: Final = "*"
K = FaultKind
ENDS_WITHIN: Final = 2.0
"""Seconds from the end on disk to the proof, when only Slack is in trouble; and room for a slow
machine."""
ROOM: Final = 3.0
RECONNECTED_WITHIN: Final = 12.0
"""Ten seconds, and room."""


def _always(kind: FaultKind, method: str = ALL, **more: object) -> Fault:
    return Fault(method, kind, times=None, **more)  # type: ignore[arg-type] # fields of Fault


AWAY: Final[dict[str, tuple[Fault, ...]]] = {
    "429": (_always(K.RATELIMITED, retry_after=30),),
    "429-without-body": (_always(K.RATELIMITED, retry_after=30, with_json=False),),
    **{f"{n}": (_always(K.STATUS, status=n),) for n in (500, 501, 502, 503, 504)},
    "hangs": (_always(K.HANG),),
    "cut": (_always(K.DROP),),
    "stored-then-cut": (_always(K.STORED_THEN_DROP),),
    "stored-then-502": (_always(K.STORED_THEN_STATUS, status=502),),
    "no-json": (_always(K.NOT_JSON),),
    "token-revoked": (_always(K.ERROR, error="token_revoked"),),
    "account-inactive": (_always(K.ERROR, error="account_inactive"),),
    "scope-missing": (_always(K.ERROR, "chat.*", error="missing_scope", needed="chat:write"),),
    "channels-deleted": tuple(
        _always(K.ERROR, "chat.*", error="channel_not_found", match={"channel": channel})
        for channel in (APPROVALS, AUDIT)
    ),
    "channels-archived": tuple(
        _always(K.ERROR, "chat.*", error="is_archived", match={"channel": channel})
        for channel in (APPROVALS, AUDIT)
    ),
}


def keep_pace(scene: Scene) -> None:
    """What Slack asks us to wait for is over when the scene's clock says so; no call sleeps."""
    clock = scene.database.clock
    scene.bot.slack.poster._calls._pace = Pace(
        rate=500.0,
        burst=500.0,
        patience=0.05,
        now=lambda: time.monotonic() + clock.offset.total_seconds(),
    )


async def quiet(scene: Scene) -> None:
    """Nobody is left to be told. Where the next try is to come, time passes until then.

    Never while a message is under way: its lease would lapse, and another would tell it.
    """
    async with asyncio.timeout(60):
        while (wait := await scene.database.read(_until_told)) is not None:
            if wait > timedelta(0):
                await scene.pass_time(wait)
            await asyncio.sleep(0.01)


async def ten_minutes(scene: Scene) -> None:
    """Pass, one by one; what is due in each is tried."""
    left = 10
    while left:
        wait = await scene.database.read(_until_told)
        if wait is None or wait > timedelta(0):
            left -= 1
            await scene.pass_time(MINUTE)
        await asyncio.sleep(0.01)


def _until_told(conn: Connection) -> timedelta | None:
    """How long nothing happens to any notice; None when there is none."""
    rows = conn.execute(
        select(notices.c.lane, notices.c.next_at, notices.c.lease_token).order_by(notices.c.id)
    )
    first: dict[str, datetime] = {}
    for lane, next_at, token in rows.all():
        if token is not None:
            return timedelta(0)
        first.setdefault(lane, next_at)
    return min(first.values()) - store.now(conn) if first else None


def told(scene: Scene, channel: str) -> Counter[object]:
    """What our messages there are about: a card its grant, everything else its notice."""
    said = [one.metadata for one in scene.sandbox.workspace.timeline.all(channel) if one.metadata]
    about = [one["event_payload"] for one in said]
    return Counter(
        (one["role"], one["grant"]) if one["role"] == "card" else one["notice_id"] for one in about
    )


@pytest.mark.parametrize("faults", AWAY.values(), ids=AWAY.keys())
async def test_an_end_waits_for_no_slack(
    play: Play, faults: Sequence[Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 26: while Slack is away for ten minutes access ends on time; later all is told, once."""
    if any(fault.kind is K.HANG for fault in faults):
        # A second instead of ten: each try is waited for.
        monkeypatch.setattr("bot.slack.client.CALL_LIMIT", 1.0)
    async with play() as scene:
        grant = await scene.active()
        login = await scene.logged_in()
        await quiet(scene)
        keep_pace(scene)
        for fault in faults:
            scene.sandbox.faults.add(replace(fault))
        await scene.pass_time(31 * MINUTE)
        began = time.monotonic()
        await scene.reaches(grant, State.ENDED)

        assert time.monotonic() - began < ENDS_WITHIN + ROOM
        assert await login.is_cut()

        await ten_minutes(scene)
        alive, _said = scene.bot.web._routes.health.alive()

        assert alive

        scene.sandbox.faults.clear()
        await quiet(scene)

        assert max(told(scene, AUDIT).values()) == 1
        assert max(told(scene, APPROVALS).values()) == 1
        assert max(told(scene, scene.sandbox.workspace.dm_with(DANA).id).values()) == 1


async def test_what_was_deleted_holds_nothing_up(play: Play) -> None:
    """Row 26: card and messages deleted, the person deactivated: ended on time, and told."""
    async with play() as scene:
        grant = await scene.active()
        login = await scene.logged_in()
        await quiet(scene)
        timeline, own = scene.sandbox.workspace.timeline, scene.sandbox.workspace.dm_with(DANA).id
        for message in [*timeline.all(APPROVALS), *timeline.all(own)]:
            timeline.remove(message)
        scene.sandbox.admin.change_user(DANA, deleted=True)
        await scene.bot.engine.operating.revoke([grant.id], operator="root", reason="has left")
        await scene.reaches(grant, State.ENDED)
        await quiet(scene)

        assert await login.is_cut()
        assert "ended" in text_of(await scene.card(grant)).lower()
        assert "notice.dropped" in await scene.kinds()
        await scene.audit_line("Verified gone")


@pytest.mark.parametrize("how", ["close", "abort", "refresh"])
async def test_a_socket_cut_with_a_click_in_flight(play: Play, how: Cut) -> None:
    """Row 28: the click whose ack was lost counts, once; the next one is answered."""
    async with play() as scene:
        grant = await scene.asked()
        card = await scene.card(grant)
        free = threading.Event()
        holding = asyncio.create_task(scene.database.write(lambda _conn: free.wait(20)))
        before = len(scene.sandbox.traffic.deliveries("interactive"))
        clicking = asyncio.create_task(scene.maya.click("Approve", message=card))
        await scene.sandbox.until(
            lambda: len(scene.sandbox.traffic.deliveries("interactive")) > before
        )
        await asyncio.sleep(0.05)  # it has come as far as the database
        opened = scene.sandbox.traffic.calls("apps.connections.open")
        await scene.sandbox.hub.cut(how)
        free.set()
        await holding
        await scene.reaches(grant, State.ACTIVE)
        scene.sandbox.advance(4)
        await clicking
        await scene.sandbox.until(
            lambda: len(scene.sandbox.traffic.calls("apps.connections.open")) > len(opened),
            within=RECONNECTED_WITHIN,
        )
        await scene.sandbox.connected(within=RECONNECTED_WITHIN)
        granted = await scene.told("You have")

        assert (await scene.only()).votes == (MAYA,)

        await scene.dana.click("Revoke now", message=granted)
        await scene.reaches(grant, State.ENDED)


async def test_a_storm_of_refreshes(play: Play) -> None:
    """Row 28: sockets refreshed all the time: nothing is lost, and `/readyz` counts what is up."""
    async with play() as scene:
        storm = asyncio.create_task(_refresh_for_ever(scene))
        try:
            while not await scene.grants():  # Slack repeats no line: whoever typed it does
                await scene.dana.command("/access prod-db 30m fix the stuck order")
            grant = await scene.only()
            card = await scene.card(grant)
            while (await scene.only()).state is State.PENDING:
                await scene.maya.click("Approve", message=card)
            await scene.reaches(grant, State.ACTIVE)
            granted = await scene.told("You have")
            while (await scene.only()).state is State.ACTIVE:
                await scene.dana.click("Revoke now", message=granted)
            await scene.reaches(grant, State.ENDED)
        finally:
            storm.cancel()
        await quiet(scene)
        scene.sandbox.advance(10)  # Slack closes what it asked to leave
        await scene.sandbox.until(
            lambda: scene.sandbox.hub.connections == scene.bot.slack.connections == 2,
            within=RECONNECTED_WITHIN,
        )
        _, said = await scene.bot.web._routes.health.ready()

        assert said["checks"]["slack"] == {"ok": True, "connections": 2}  # type: ignore[index] # JSON


async def _refresh_for_ever(scene: Scene) -> None:
    while True:
        await scene.sandbox.hub.cut("refresh")
        await asyncio.sleep(0.3)
        await scene.sandbox.connected(within=RECONNECTED_WITHIN)


async def test_a_half_open_socket_is_known_for_one(play: Play) -> None:
    """Row 28: while no socket is there, `/readyz` is 503 and says so; access ends all the same."""
    async with play() as scene:
        grant = await scene.active()
        scene.sandbox.faults.add(_always(K.HANG, "apps.connections.open"))
        await scene.sandbox.hub.cut("close")
        await scene.sandbox.until(lambda: scene.bot.slack.connections == 0)
        ready, said = await scene.bot.web._routes.health.ready()

        assert not ready
        assert "No socket to Slack is open." in str(said)

        await scene.pass_time(31 * MINUTE)
        await scene.reaches(grant, State.ENDED)
        scene.sandbox.faults.clear()
        await scene.sandbox.connected(within=2 * RECONNECTED_WITHIN)


async def test_everything_again_late_and_backwards(play: Play) -> None:
    """Row 27: every delivery of a life comes again an hour later, last one first, twice at once."""
    async with play() as scene:
        grant = await scene.active()
        await scene.dana.click("Revoke now", message=await scene.told("You have"))
        await scene.reaches(grant, State.ENDED)
        await quiet(scene)
        before = [kind for kind in await scene.kinds() if kind != "checkpoint.signed"]
        await scene.pass_time(60 * MINUTE)
        numbers = [entry["n"] for entry in scene.sandbox.traffic.deliveries()]
        for number in reversed(numbers):
            acks = await scene.sandbox.redelivery.again(number, times=2)

            assert all(ack.is_ok for ack in acks)

        after = [kind for kind in await scene.kinds() if kind != "checkpoint.signed"]

        assert len(numbers) >= 3
        assert after == before
        assert (await scene.only()).id == grant.id
