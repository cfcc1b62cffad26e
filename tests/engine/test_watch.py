"""Who is connected is seen, and stands in the log: openings and closings, each told once."""

import json
import secrets
from datetime import timedelta

from adapters.demo import Fault
from bot.domain.grant import Grant, State
from bot.engine.watching import Watch
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, Office, office


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


async def connected(here: Office) -> tuple[Grant, str]:
    """An active grant and the password of its login."""
    grant = await here.ask()
    await here.engine.service.vote(MAYA, grant.id)
    active = await here.until(grant.id, State.ACTIVE)
    await here.engine.service.issue(DANA, grant.id)
    [access] = here.world.access.values()
    assert access.password is not None
    return active, access.password


async def told(here: Office, grant: Grant) -> list[tuple[str, dict[str, object]]]:
    """What the log says of sessions, without the changes that every event may carry."""
    lines = await here.engine.reading.events(grant.id)
    found = [line for line in lines if line.kind.value.startswith("session.")]
    return [(line.kind.value, json.loads(line.body)["data"]) for line in found]


async def test_each_opening_and_closing_is_told_once(database: Database) -> None:
    """However often it is looked, and after a restart of whoever looks."""
    async with office(database, provider=name()) as here:
        grant, password = await connected(here)
        login = next(iter(here.world.access))
        watch = Watch(here.engine.ledger, here.engine.providers)
        await watch.run()
        assert await told(here, grant) == []
        session = here.world.enter(login, password)
        await watch.run()
        await Watch(here.engine.ledger, here.engine.providers).run()
        [(kind, data)] = await told(here, grant)
        assert (kind, data["session"]) == ("session.opened", session.id)
        here.pass_time(timedelta(seconds=40))
        here.world.access[login].sessions.clear()
        await watch.run()
        await watch.run()
        (_, (kind, data)) = await told(here, grant)
        assert (kind, data["session"]) == ("session.closed", session.id)
        assert data["seconds"] in {39, 40, 41}


async def test_what_the_end_cuts_is_told_as_closed(database: Database) -> None:
    """Nothing is left in the table, and how long it was open counts to the proven end."""
    async with office(database, provider=name()) as here:
        grant, password = await connected(here)
        login = next(iter(here.world.access))
        here.world.enter(login, password)
        watch = Watch(here.engine.ledger, here.engine.providers)
        await watch.run()
        await here.engine.service.revoke(DANA, grant.id)
        await here.until(grant.id, State.ENDED)
        here.pass_time(timedelta(minutes=5))
        await watch.run()
        await watch.run()
        kinds = [(kind, data.get("seconds", 0)) for kind, data in await told(here, grant)]
        assert [kind for kind, _ in kinds] == ["session.opened", "session.closed"]
        assert int(str(kinds[1][1])) < 60
        assert await database.read(lambda conn: store.open_sessions(conn, grant.id)) == {}


async def test_a_provider_that_does_not_answer_closes_nothing(database: Database) -> None:
    """Not seen is not gone."""
    async with office(database, provider=name()) as here:
        grant, password = await connected(here)
        here.world.enter(next(iter(here.world.access)), password)
        watch = Watch(here.engine.ledger, here.engine.providers)
        await watch.run()
        here.world.fail("sessions", Fault.UNREACHABLE)
        await watch.run()
        assert [kind for kind, _ in await told(here, grant)] == ["session.opened"]
