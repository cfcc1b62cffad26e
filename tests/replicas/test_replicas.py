"""Several replicas on one PostgreSQL: whatever becomes of one, the others see it through."""

import asyncio
import signal
from collections import Counter
from datetime import timedelta

import pytest

from bot.domain.grant import State
from bot.engine.claims import LEASE
from tests.replicas.yard import Place

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ABOVE_LEASE = LEASE.total_seconds() + 2


async def test_killed_with_claims_held(here: Place) -> None:
    """Row 7: what a killed replica held is ended by the others within a lease and two seconds."""
    replicas = await here.begin_all("a", "b", "c")
    await here.active(30, HOUR)
    here.yard.pause["revoke"] = 1.0
    await here.end_all()
    await here.wait(lambda: len(here.yard.of("revoke")) == 30)
    victim = max(replicas, key=lambda one: len(here.yard.by(one.name, "revoke")))
    held = {one.mark for one in here.yard.by(victim.name, "revoke")}
    victim.send(signal.SIGKILL)
    await here.until(State.ENDED, 30, within=ABOVE_LEASE)
    await here.told_all()
    again = {one.mark for one in here.yard.of("revoke") if one.replica != victim.name}

    assert held
    assert held <= again
    await here.check()


async def test_frozen_for_longer_than_its_lease(here: Place) -> None:
    """Row 8: a replica that was frozen and wakes up finishes no row that is no longer its own."""
    frozen, awake = await here.begin_all("frozen", "awake")
    awake.send(signal.SIGSTOP)
    grants = await here.active(5, HOUR)
    here.yard.pause["revoke"] = 1.0
    await here.end_all()
    await here.wait(lambda: len(here.yard.of("revoke")) == 5)
    frozen.send(signal.SIGSTOP)
    here.yard.pause.clear()
    awake.send(signal.SIGCONT)
    await here.until(State.ENDED, 5, within=ABOVE_LEASE)
    before = await here.kinds()
    frozen.send(signal.SIGCONT)
    frozen.send(signal.SIGTERM)
    # An orderly stop: what it was in the middle of is finished, recorded if it may be, and it ends.
    async with asyncio.timeout(20):
        end = await frozen.process.wait()

    assert end == 0
    assert len(here.yard.by("awake", "revoke")) == len(grants)
    assert await here.kinds() == before
    await here.told_all()
    await here.check()


async def test_frozen_and_awake_while_another_is_at_it(here: Place) -> None:
    """Row 8: what it finds out late about a row that is another's by now is not written down."""
    frozen, awake = await here.begin_all("frozen", "awake")
    awake.send(signal.SIGSTOP)
    await here.active(5, HOUR)
    here.yard.pause["revoke"] = 1.0
    await here.end_all()
    await here.wait(lambda: len(here.yard.of("revoke")) == 5)
    frozen.send(signal.SIGSTOP)
    here.yard.pause["revoke"] = 8.0
    awake.send(signal.SIGCONT)
    await here.wait(lambda: len(here.yard.by("awake", "revoke")) == 5)
    held = {grant.id: (grant.lease_token, grant.attempts) for grant in await here.rows()}
    frozen.send(signal.SIGCONT)
    await here.wait(lambda: frozen.log.read_text().count("timeout") >= 5)
    await asyncio.sleep(0.5)  # an outcome that counted would be recorded by now

    assert {grant.id: (grant.lease_token, grant.attempts) for grant in await here.rows()} == held

    here.yard.pause.clear()
    await here.until(State.ENDED, 5, within=ABOVE_LEASE)
    await here.told_all()
    await here.check()


@pytest.mark.parametrize("ahead", ["+1h", "-1h"])
async def test_a_clock_an_hour_off(here: Place, ahead: str, faketime: dict[str, str]) -> None:
    """Row 11: a replica whose clock is an hour off ends nothing early or late, and says so."""
    off = await here.begin("off", environ={**faketime, "FAKETIME": ahead})
    await off.ready()
    await here.active(10, 6 * SECOND)
    await here.until(State.ENDED, 10, within=10)
    await here.told_all()

    for grant in await here.rows():
        assert grant.expires_at is not None
        assert grant.ended_at is not None
        assert timedelta(0) <= grant.ended_at - grant.expires_at < 2 * SECOND
    assert "this machine's clock is not the database's" in off.log.read_text()
    await here.check()


async def test_ten_starting_at_once(empty: Place) -> None:
    """Row 9: ten starts on an empty database make one set of tables, one log, and all work."""
    replicas = await empty.begin_all(*(f"r{number}" for number in range(10)))
    await empty.open()
    await empty.active(20, HOUR)
    empty.yard.pause["revoke"] = 0.5
    await empty.end_all()
    await empty.until(State.ENDED, 20, within=15)
    await empty.told_all()
    for one in replicas:
        one.send(signal.SIGTERM)
    ends = [await one.process.wait() for one in replicas]
    calls = Counter(one.mark for one in empty.yard.of("revoke"))

    assert ends == [0] * 10
    assert (await empty.kinds())["bot.started"] == 10
    assert max(calls.values()) == 1
    await empty.check()


async def test_a_lease_shorter_than_the_call_rings(here: Place) -> None:
    """The broken variant: with leases that end before the call does, calls are made twice."""
    for name in ("a", "b"):
        await (await here.begin(name, lease="0.5")).ready()
    await here.active(5, HOUR)
    here.yard.pause["revoke"] = 2.0
    await here.end_all()
    await here.wait(lambda: len(here.yard.of("revoke")) > 5)
    here.yard.pause.clear()
    await here.until(State.ENDED, 5, within=20)
    calls = Counter(one.mark for one in here.yard.of("revoke"))

    assert max(calls.values()) > 1
    await here.check()


async def test_a_lease_is_kept_while_the_call_runs(here: Place) -> None:
    """The same with the real leases: nobody dies, so nothing is asked twice."""
    await here.begin_all("a", "b")
    await here.active(5, HOUR)
    here.yard.pause["revoke"] = 2.0
    await here.end_all()
    await here.until(State.ENDED, 5, within=20)
    calls = Counter(one.mark for one in here.yard.of("revoke"))

    assert max(calls.values()) == 1
    await here.check()
