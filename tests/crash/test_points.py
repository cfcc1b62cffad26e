"""A kill between any two steps, and a restart, end in the same place.

The bot dies at each point that it can name, once: it comes up again and dies at the next new one,
through the whole story and back to rest. On PostgreSQL it is each third name, another third every
day; CURFEW_CRASH_SHARE=1 takes all of them, as `make soak` does, which has points by number too.
"""

import os
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from bot.demo.shop import Shop
from tests.crash.program import Fate
from tests.crash.stage import Stage, stage
from tests.crash.story import Story

SHARE = int(os.environ.get("CURFEW_CRASH_SHARE") or 3)
"""One of how many names is tried on PostgreSQL."""


async def played(here: Stage, *fates: Fate) -> None:
    """Both stories from the asking to the end, and all that has to hold then."""
    await here.begin(*fates)
    # A minute after the approval a grant that is not there has failed: many deaths may take it.
    story = Story(here, may_fail=any(fate.known for fate in fates))
    await story.revoked()
    await story.expired()
    await story.check()


@pytest.mark.timeout(900)
async def test_a_death_at_every_point_changes_nothing_sqlite(
    sqlite_url: str, tmp_path: Path, shop: Shop, context: ForkServerContext
) -> None:
    """On SQLite: whatever it was doing, killed there and started again it ends as if it had not."""
    async with stage(sqlite_url, tmp_path, shop, context) as here:
        await played(here, Fate(known=tmp_path / "known"))

        assert len(here.deaths) > 80


@pytest.mark.timeout(900)
async def test_a_death_at_every_point_changes_nothing_postgres(
    postgres_url: str, tmp_path: Path, shop: Shop, context: ForkServerContext
) -> None:
    """On PostgreSQL the same, for a third of the points."""
    turn = int(os.environ.get("CURFEW_CRASH_TURN") or datetime.now(UTC).toordinal())
    async with stage(postgres_url, tmp_path, shop, context) as here:
        await played(here, Fate(known=tmp_path / "known", share=SHARE, turn=turn))

        assert len(here.deaths) > 15, here.account()


@pytest.mark.parametrize("number", [5, 17, 40, 75, 120, 180, 260])
async def test_a_death_at_a_number_changes_nothing(
    number: int, sqlite_url: str, tmp_path: Path, shop: Shop, context: ForkServerContext
) -> None:
    """One death alone, wherever that many steps lead, and no other one after it."""
    async with stage(sqlite_url, tmp_path, shop, context) as here:
        await played(here, Fate(number), Fate())

        assert len(here.deaths) == 1, here.account()
