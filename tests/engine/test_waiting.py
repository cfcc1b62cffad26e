"""What waits for somebody's decision is found among however much else there is."""

from datetime import UTC, datetime, timedelta

from bot.domain.grant import Extension, State
from bot.engine.reading import PAGE
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, OMAR, office
from tests.storage.samples import HOUR, MINUTE, NOON, make_grant, put

LATE = datetime(2200, 1, 1, tzinfo=UTC)
"""Nothing of this is due while a test runs."""


async def test_an_old_grant_s_extension_is_found(database: Database) -> None:
    """Behind pages of newer access, and of requests that are somebody else's."""
    more = Extension(1, timedelta(minutes=30), DANA, NOON, "not done yet", 1)
    held = {"state": State.ACTIVE, "next_at": LATE, "expires_at": LATE}
    old = make_grant(resource="lab", created_at=NOON - HOUR, extension=more, extensions=1, **held)
    newer = [
        make_grant(resource="lab", requester=f"U{number}", created_at=NOON, **held)
        for number in range(2 * PAGE)
    ]
    others = [
        make_grant(resource="gone", requester=f"U{number}", next_at=LATE)
        for number in range(5 * PAGE)
    ]
    await database.write(put(old, *newer, *others))
    async with office(database) as here:
        here.skip_replay = True  # these rows have no history
        found = await here.engine.reading.waiting_for(MAYA)
        assert [grant.id for grant in found] == [old.id]


async def test_the_oldest_comes_first_and_one_s_own_not_at_all(database: Database) -> None:
    """Nobody decides on their own request."""
    many = [
        make_grant(
            resource="lab",
            requester=OMAR if number % 2 else DANA,
            created_at=NOON + number * MINUTE,
            next_at=LATE,
            state=State.PENDING,
            id=f"{number:012}",
        )
        for number in range(2)
    ]
    await database.write(put(*many))
    async with office(database) as here:
        here.skip_replay = True
        found = await here.engine.reading.waiting_for(MAYA)
        assert [grant.id for grant in found] == [grant.id for grant in many]
        assert [grant.requester for grant in await here.engine.reading.waiting_for(OMAR)] == [DANA]
