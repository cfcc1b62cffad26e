"""The only process dies at one moment, and another one is started: nothing lost, nothing twice.

The moments are the provider's and Slack's, which live on: before they did what they were asked,
and after they did it, before the answer. `tests/crash` has all others.
"""

import asyncio
import itertools
import signal
import time
from collections import Counter
from datetime import timedelta
from typing import Final

import pytest
from psycopg import AsyncConnection

from bot.domain.errors import RefusalError
from bot.domain.grant import Grant, State
from bot.domain.record import NoticeKind
from tests.replicas.yard import Place, Replica

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
X: Final = 2.0
"""Seconds from a moment that is due until it is done; and room for a slow machine."""
ROOM: Final = 4.0
ONCE_MORE: Final = 22.0
"""A lease, the two seconds, and room: what was under way may land until the lease's end."""


async def dies(here: Place, moment: str) -> Replica:
    """A process that is killed at that moment."""
    victim = await here.begin("victim")
    await victim.ready()
    here.yard.traps[moment] = lambda _replica: victim.send(signal.SIGKILL)
    return victim


async def again(here: Place, victim: Replica) -> None:
    """It is dead; the next one is up."""
    async with asyncio.timeout(20):
        assert await victim.process.wait() == -signal.SIGKILL
    await (await here.begin("next")).ready()


@pytest.mark.parametrize("moment", ["before grant", "after grant"])
async def test_killed_while_granting(here: Place, moment: str) -> None:
    """Rows 1 and 2: the access is there once, its end is the one that was approved."""
    victim = await dies(here, moment)
    [asked] = await here.grants(1, HOUR)
    await again(here, victim)
    await here.until(State.ACTIVE, 1, within=ONCE_MORE)
    [grant] = await here.rows()

    assert grant.expires_at == asked.expires_at
    assert here.yard.there == {grant.id}

    await here.end_all()
    await here.until(State.ENDED, 1, within=ONCE_MORE)
    await here.told_all()
    await here.check()


@pytest.mark.parametrize("moment", ["before revoke", "after revoke", "before verify"])
async def test_killed_while_revoking(here: Place, moment: str) -> None:
    """Row 3: the next one revokes again, and proves it, within two seconds of its start."""
    victim = await here.begin("victim")
    await victim.ready()
    await here.active(1, HOUR)
    here.yard.traps[moment] = lambda _replica: victim.send(signal.SIGKILL)
    await here.end_all()
    await again(here, victim)

    assert await here.until(State.ENDED, 1, within=X + ROOM) < X + ROOM

    await here.told_all()
    await here.check()


@pytest.mark.parametrize("moment", ["before telling", "after telling"])
async def test_killed_while_telling(here: Place, moment: str) -> None:
    """Rows 4 and 5: every message is told after the restart, and none twice."""
    victim = await dies(here, moment)
    [asked] = await here.grants(1, HOUR)
    await again(here, victim)
    await here.until(State.ACTIVE, 1, within=ONCE_MORE)
    await here.told_all()
    told = [one for one in here.yard.told if one["kind"] == NoticeKind.AUDIT_LINE.value]
    kinds = await here.kinds()

    assert asked.state is State.GRANTING
    assert set(here.yard.untold) <= {one["id"] for one in here.yard.told}
    assert len(told) >= kinds["grant.requested"] + kinds["grant.approved"] + kinds["grant.started"]

    await here.end_all()
    await here.until(State.ENDED, 1, within=ONCE_MORE)
    await here.told_all()
    await here.check()


async def test_told_to_stop_under_load(here: Place) -> None:
    """Row 10: it takes nothing new, finishes what it began, and is gone within ten seconds."""
    await (await here.begin("first")).ready()
    await here.active(40, HOUR)
    here.yard.pause["revoke"] = 1.0
    await here.end_all()
    await here.wait(lambda: len(here.yard.of("revoke")) >= 20)
    [first] = here.replicas
    began = time.monotonic()
    first.send(signal.SIGTERM)
    async with asyncio.timeout(12):
        code = await first.process.wait()
    left = len(await here.ids(State.REVOKING))

    assert (code, time.monotonic() - began < 10.0) == (0, True)
    assert left < 40

    here.yard.pause.clear()
    await (await here.begin("next")).ready()
    await here.until(State.ENDED, 40, within=ONCE_MORE)
    await here.told_all(within=90)

    assert max(Counter(one.mark for one in here.yard.of("revoke")).values()) == 1

    await here.check()


async def test_nobody_gives_hints(here: Place) -> None:
    """Row 19: with the listening connection cut again and again, ends are met all the same."""
    await (await here.begin("deaf")).ready()
    await here.active(3, HOUR)
    cuts: list[int] = []
    cutting = asyncio.create_task(_cut_listeners(here, cuts))
    try:
        await here.wait(lambda: cutting.done() or bool(cuts))
        assert cuts, cutting
        await here.end_all()

        assert await here.until(State.ENDED, 3, within=X + ROOM) < X + ROOM
    finally:
        cutting.cancel()
    await here.told_all(within=30)
    await here.check()


async def _cut_listeners(here: Place, cuts: list[int]) -> None:
    """For ever: whoever listens, and holds the lock that says so, is thrown out."""
    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
    async with await AsyncConnection.connect(here.url, autocommit=True) as admin:
        while True:
            rows = await (await admin.execute(held)).fetchall()
            for (pid,) in rows:
                await admin.execute("SELECT pg_terminate_backend(%s)", [pid])
                cuts.append(int(pid))
            await asyncio.sleep(0.02)


@pytest.mark.timeout(300)
async def test_approve_and_deny_in_the_same_moment(here: Place) -> None:
    """Row 29: a thousand times, at two replicas: one of the two counts, the other hears who."""
    other = await here.another("other")
    asked = await here.asked(1000, HOUR)
    sides = itertools.cycle([(here.office, other), (other, here.office)])
    heard: list[str] = []

    async def collide(grant: Grant) -> None:
        one, two = next(sides)
        both = await asyncio.gather(
            one.service.vote("UMAYA", grant.id),
            two.service.deny("UOMAR", grant.id, reason="no"),
            return_exceptions=True,
        )
        refused = [one for one in both if isinstance(one, RefusalError)]
        heard.extend(one.message for one in refused)

        assert len(refused) == 1, both

    for chunk in range(0, len(asked), 4):
        await asyncio.gather(*map(collide, asked[chunk : chunk + 4]))
    kinds = await here.kinds()

    assert kinds["grant.approved"] + kinds["grant.denied"] == 1000
    assert min(kinds["grant.approved"], kinds["grant.denied"]) > 0
    assert all("UMAYA" in one or "UOMAR" in one for one in heard), heard[0]
