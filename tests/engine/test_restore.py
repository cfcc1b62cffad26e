"""A database that was put back from yesterday: seen, said, and not acted on without a word."""

import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from adapters.demo import forget_worlds, world_of
from bot.domain.grant import EndReason, State
from bot.engine.restoring import Standing
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, MINUTE, OMAR, Office, office


@asynccontextmanager
async def opened(url: str, provider: str, folder: Path) -> AsyncIterator[Office]:
    """The bot, started on a file that was there before."""
    async with (
        await Database.open(url, exclusive=True) as database,
        office(database, provider=provider, folder=folder) as here,
    ):
        yield here


async def active(here: Office, who: str = DANA) -> str:
    grant = await here.ask(who, duration=30 * MINUTE)
    await here.engine.service.vote(MAYA, grant.id)
    await here.until(grant.id, State.ACTIVE)
    return grant.id


async def test_a_restored_log_only_reports(sqlite_url: str, tmp_path: Path) -> None:
    """What the old rows know ends on time; what they do not know waits for an admin."""
    provider = f"pg-{secrets.token_hex(4)}"
    folder = tmp_path / "keys"
    file = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    async with opened(sqlite_url, provider, folder) as here:
        known = await active(here)
    shutil.copyfile(file, tmp_path / "yesterday.db")
    async with opened(sqlite_url, provider, folder) as here:
        unknown = await active(here, OMAR)
        await here.engine.prove()
    shutil.copyfile(tmp_path / "yesterday.db", file)

    async with opened(sqlite_url, provider, folder) as here:
        await here.engine.sweep()
        found = await here.engine.restoring.standing()
        kinds = [event.kind.value for event in await here.log()]

        assert found.waits
        assert found.signed is not None
        assert found.log is not None
        assert found.log < found.signed
        assert found.unknown == (f"{provider}:{unknown}",)
        assert (found.known, found.missing) == ((), ())
        assert await here.engine.reading.restore() == found

        assert "restore.suspected" in kinds
        assert "orphan.found" in kinds
        assert f"curfew-{unknown}" in world_of(provider).access
        assert await here.engine.restoring.pending()

        here.pass_time(31 * MINUTE)
        await here.until(known, State.ENDED)
        await here.engine.prove()

        assert f"curfew-{unknown}" in world_of(provider).access
        assert await here.engine.restoring.confirm(operator="root") == 1

        await here.engine.restoring.look()  # as at a restart before the next checkpoint

        assert not await here.engine.restoring.pending()

        await here.engine.sweep()
        here.pass_time(timedelta(seconds=1))

        assert world_of(provider).access == {}
        assert not await here.engine.restoring.pending()
        assert [event.kind.value for event in await here.log()][-1] == "orphan.removed"
    forget_worlds()


async def test_what_would_be_done_is_shown(sqlite_url: str, tmp_path: Path) -> None:
    """Access that the old rows have and the provider has not: shown, and ended after the word."""
    provider = f"pg-{secrets.token_hex(4)}"
    folder = tmp_path / "keys"
    file = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    async with opened(sqlite_url, provider, folder) as here:
        gone = await active(here)
    shutil.copyfile(file, tmp_path / "yesterday.db")
    async with opened(sqlite_url, provider, folder) as here:
        await here.engine.service.revoke(MAYA, gone)
        await here.until(gone, State.ENDED)
        await here.engine.prove()
    shutil.copyfile(tmp_path / "yesterday.db", file)

    async with opened(sqlite_url, provider, folder) as here:
        here.pass_time(MINUTE)
        await here.engine.sweep()

        assert (await here.engine.restoring.standing()).missing == (gone,)
        assert (await here.grant(gone)).state is State.ACTIVE

        await here.engine.restoring.confirm(operator="root")
        await here.engine.sweep()
        ended = await here.until(gone, State.ENDED)

        assert ended.end_reason is EndReason.LOST
        assert await here.engine.restoring.standing() == Standing()
    forget_worlds()


async def test_a_mark_that_went_by_itself(sqlite_url: str, tmp_path: Path) -> None:
    """What somebody else's hand removed waits for no word any more."""
    provider = f"pg-{secrets.token_hex(4)}"
    async with opened(sqlite_url, provider, tmp_path / "keys") as here:
        world = world_of(provider)
        known = await active(here)
        world.access["curfew-zzzzzzzzzzzz"] = world.access[f"curfew-{known}"]
        await here.engine.sweep()

        found = await here.engine.restoring.standing()
        assert (found.is_restored, found.unknown) == (False, (f"{provider}:zzzzzzzzzzzz",))
        assert found.waits

        del world.access["curfew-zzzzzzzzzzzz"]
        await here.engine.sweep()

        assert not (await here.engine.restoring.standing()).waits
    forget_worlds()


async def test_a_log_that_is_ahead_is_fine(sqlite_url: str, tmp_path: Path) -> None:
    """After an ordinary stop and start nothing is suspected."""
    folder = tmp_path / "keys"
    for _ in range(2):
        async with opened(sqlite_url, "playground", folder) as here:
            grant = await here.ask()
            await here.engine.service.cancel(DANA, grant.id)
            await here.engine.prove()
            await here.engine.restoring.look()

            assert not await here.engine.restoring.pending()
