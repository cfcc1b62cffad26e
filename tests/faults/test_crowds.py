"""Down for an hour while thousands of ends fell due. Ten thousand are `make bench`'s."""

import asyncio
import secrets
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from adapters.demo import Access, world_of
from bot.domain.grant import Grant, Recipient, State, altered
from bot.domain.record import EventKind
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, Office, office
from tests.storage.samples import insert_bulk, make_grant

MANY: Final = 2000
IN_HANDS: Final = 700
"""So many are claimed ahead of the calls at most: two claims more than calls at once, and room."""
ACKED_WITHIN: Final = 3.0
HOUR: Final = timedelta(hours=1)


async def left_behind(database: Database, provider: str) -> list[str]:
    """Access whose end came within the last hour; the ids, in the order of their ends."""
    now = database.clock.now()

    def made(number: int) -> Grant:
        person = f"U0P{number}"
        end = now - HOUR + number * HOUR / (MANY + 1)
        grant = make_grant(state=State.ACTIVE, resource="lab", requester=person, expires_at=end)
        order = replace(
            grant.order,
            provider=provider,
            adapter="demo",
            params={"level": "read"},
            person=Recipient(person),
        )
        return altered(grant, order=order, started_at=now - 2 * HOUR, next_at=end)

    many = [made(number) for number in range(MANY)]
    await database.write(lambda conn: insert_bulk(conn, many))
    ids = [grant.id for grant in many]
    world_of(provider).access |= {f"curfew-{one}": Access("read") for one in ids}
    return ids


@pytest.mark.timeout(240)
async def test_an_hour_away(database: Database) -> None:
    """Row 6: all is ended at the start, the longest due first; people are answered meanwhile."""
    provider = f"pg-{secrets.token_hex(4)}"
    ids = await left_behind(database, provider)
    async with office(database, provider=provider) as here:
        here.skip_replay = True  # the rows were put there without their history
        acks = await _answers_until_done(here)
        revoked = [
            mark.removeprefix("curfew-") for verb, mark in here.world.calls if verb == "revoke"
        ]
        ranks = {one: rank for rank, one in enumerate(ids)}
        early = [ranks[one] - place for place, one in enumerate(revoked)]
        kinds = [event.kind for event in await here.log()]

        assert here.world.access == {}
        assert sorted(revoked) == sorted(ids)  # each once
        assert max(early) <= IN_HANDS
        assert kinds.count(EventKind.GRANT_ENDED) == MANY
        assert max(acks) < ACKED_WITHIN


async def _answers_until_done(here: Office) -> list[float]:
    """Dana asks and takes it back all the while; how long each asking took."""
    took = []
    done = partial(store.list_grants, states=(State.ACTIVE, State.REVOKING), limit=1)
    while await here.database.read(done):
        began = time.perf_counter()
        grant = await here.ask(DANA)
        took.append(time.perf_counter() - began)
        await here.engine.service.cancel(DANA, grant.id)
        await asyncio.sleep(0.02)
    return took
