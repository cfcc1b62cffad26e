"""A provider gone wrong: it is asked until it has done it, people are told, nobody else waits."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from adapters.demo import DemoAdapter, Fault, World, world_of
from bot.domain.errors import RefusalError
from bot.domain.grant import EndReason, Grant, State
from bot.domain.policy import Provider
from bot.engine.bulkhead import CALLS_PER_PROVIDER
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, MINUTE, OMAR, Office, office

X: Final = 2.0
"""Seconds from a moment that is due until it is done; and room for a slow machine."""
ROOM: Final = 4.0
SECOND: Final = timedelta(seconds=1)
OTHER: Final = "den"


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


async def second(here: Office) -> World:
    """One more provider, with a resource of its own."""
    at = Provider(name(), "demo", {})
    world = world_of(at.name)
    world.clock = here.database.clock.now
    lab = here.rules.current.resources["lab"]
    resources = {"lab": lab, OTHER: replace(lab, name=OTHER, provider=at)}
    providers = {**here.rules.current.providers, at.name: at}
    here.rules.current = replace(here.rules.current, providers=providers, resources=resources)
    own = here.engine.providers.names[0]
    adapters = {
        own: here.engine.providers.adapter(own),
        at.name: DemoAdapter(at.name, DemoAdapter.Settings(), call_limit=2.0),
    }
    await here.engine.use(here.rules.current, adapters)
    return world


async def active(here: Office, who: str = DANA, **said: object) -> Grant:
    grant = await here.ask(who, **said)
    await here.engine.service.vote(MAYA, grant.id)
    return await here.until(grant.id, State.ACTIVE)


async def test_ten_minutes_of_throttling(database: Database) -> None:
    """Row 21: people are alarmed after a minute, it ends within a minute of the recovery."""
    async with office(database, provider=name()) as here:
        await second(here)
        grant = await active(here, duration=10 * MINUTE)
        other = await active(here, duration=10 * MINUTE, resource=OTHER)
        here.world.fail("revoke", Fault.THROTTLE, times=100_000, seconds=5)
        here.pass_time(10 * MINUTE)
        await here.until(other.id, State.ENDED, within=X + ROOM)
        await here.until(grant.id, State.REVOKING)

        assert "revoke.overdue" not in await here.kinds(grant.id)

        for _ in range(10):
            tried = (await here.grant(grant.id)).attempts
            here.pass_time(61 * SECOND)
            async with asyncio.timeout(X):
                while (await here.grant(grant.id)).attempts == tried:  # noqa: ASYNC110 - a row has no event
                    await asyncio.sleep(0.01)
        alarms = (await here.kinds(grant.id)).count("revoke.overdue")

        assert alarms in {2, 3}  # after one minute, after six, and perhaps one more

        here.world.heal()
        here.pass_time(MINUTE)
        ended = await here.until(grant.id, State.ENDED, within=X + ROOM)

        assert ended.end_reason is EndReason.EXPIRED
        assert "revoke.overdue" not in await here.kinds(other.id)


async def test_a_hanging_provider_delays_no_other(database: Database) -> None:
    """Row 24: with every call to one hanging, revokes at another take no second longer."""
    async with office(database, provider=name()) as here:
        await second(here)
        folk = [replace(here.people.accounts[DANA], user=f"U0P{n}") for n in range(80)]
        here.people.accounts |= {
            one.user: replace(one, email=f"{one.user.lower()}@example.com") for one in folk
        }
        lab = here.rules.current.resources
        anyone = (
            *lab["lab"].requesters,
            *(replace(lab["lab"].requesters[0], value=p.user) for p in folk),
        )
        opened = {key: replace(one, requesters=anyone) for key, one in lab.items()}
        here.rules.current = replace(here.rules.current, resources=opened)
        stuck = [await active(here, one.user) for one in folk]
        calm = await _revoked_in(here)
        here.world.fail("revoke", Fault.HANG, times=100_000)
        ids = [grant.id for grant in stuck]
        before = _revokes(here)
        await here.engine.operating.revoke(ids, operator="root", reason="")
        await here.wait(lambda: _revokes(here) - before >= CALLS_PER_PROVIDER)
        await asyncio.sleep(0.2)

        assert _revokes(here) - before == CALLS_PER_PROVIDER

        for _ in range(3):
            assert await _revoked_in(here) < calm + 1.0

        here.world.heal()
        async with asyncio.timeout(40):
            while not all([(await here.grant(one)).state is State.ENDED for one in ids]):
                here.pass_time(MINUTE)
                await asyncio.sleep(0.3)  # calls that hang are given up after two seconds


def _revokes(here: Office) -> int:
    return [verb for verb, _ in here.world.calls].count("revoke")


async def _revoked_in(here: Office) -> float:
    """Seconds from Revoke now to the proof, at the other provider."""
    grant = await active(here, OMAR, resource=OTHER)
    await here.engine.service.revoke(OMAR, grant.id)
    ended = await here.until(grant.id, State.ENDED, within=20)
    assert ended.ended_at is not None
    assert ended.revoking_at is not None
    return (ended.ended_at - ended.revoking_at).total_seconds()


async def test_a_provider_that_takes_its_time(database: Database) -> None:
    """Row 25: "accepted" is not "done": granted is said when it is there; a final no is said."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.LIE, times=2)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        await here.wait(lambda: [verb for _, verb, _ in here.figures.calls].count("verify") >= 1)

        assert "grant.started" not in await here.kinds(grant.id)
        assert (await here.grant(grant.id)).state is State.GRANTING

        await here.until(grant.id, State.ACTIVE, within=10)
        here.world.fail("grant", Fault.LIE, times=1)
        here.world.fail("grant", Fault.REFUSE, times=1)
        other = await here.ask(OMAR)
        await here.engine.service.vote(MAYA, other.id)
        await here.until(other.id, State.REVOKING, within=10)
        here.pass_time(20 * SECOND)  # what was accepted may not come about any more
        ended = await here.until(other.id, State.ENDED, within=10)
        await here.wait(lambda: "dm_failed" in {one.notice.kind.value for one in here.postbox.told})
        [told] = [one for one in here.postbox.told if one.notice.kind == "dm_failed"]

        assert ended.end_reason is EndReason.FAILED
        assert "refuses" in str(told.notice.data)
        assert "grant.started" not in await here.kinds(other.id)


async def test_what_is_gone_already_is_gone(database: Database) -> None:
    """Row 22: removed by somebody else's hand: revoking it is a success, and alarms nobody."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.access.clear()
        await here.engine.service.revoke(DANA, grant.id)
        ended = await here.until(grant.id, State.ENDED)

        assert ended.end_reason is EndReason.REVOKED
        assert ended.attempts == 0
        assert "revoke.overdue" not in await here.kinds(grant.id)


async def test_a_machine_that_slept(database: Database) -> None:
    """Row 13: ten minutes pass in no time and nobody says so: what fell due is done in a moment."""
    async with office(database, provider=name()) as here:
        grants = [await active(here, who, duration=5 * MINUTE) for who in (DANA, OMAR)]
        here.database.clock.offset += 10 * MINUTE
        for grant in grants:
            ended = await here.until(grant.id, State.ENDED, within=X + ROOM)

            assert ended.end_reason is EndReason.EXPIRED


@pytest.mark.parametrize("first", ["revoke", "extend"])
async def test_a_revoke_wins_against_an_extension(database: Database, first: str) -> None:
    """Row 30: in either order and at once, it ends; after that nothing is extended."""
    async with office(database, provider=name()) as here:
        service = here.engine.service
        for _ in range(10):
            grant = await active(here, duration=10 * MINUTE)
            await service.extend(DANA, grant.id, 5 * MINUTE, reason="not done yet")
            acts = {
                "revoke": lambda: service.revoke(DANA, grant.id),  # noqa: B023 - awaited below
                "extend": lambda: service.vote_extension(MAYA, grant.id, 1),  # noqa: B023 - as above
            }
            order = [first, *(acts.keys() - {first})]
            heard = await asyncio.gather(*(acts[one]() for one in order), return_exceptions=True)

            assert not isinstance(heard[order.index("revoke")], BaseException), heard

            here.pass_time(20 * SECOND)  # an extension that was under way may not land any more
            ended = await here.until(grant.id, State.ENDED, within=20)
            with pytest.raises(RefusalError):
                await service.vote_extension(MAYA, grant.id, 1)

            assert ended.end_reason is EndReason.REVOKED
            assert here.world.access == {}
