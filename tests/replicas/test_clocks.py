"""The wall clock of the only replica steps while it works; the database's own goes on."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.grant import State
from tests.replicas.yard import Place

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("step", ["+1h", "-1h"])
async def test_a_clock_that_steps(
    here: Place, step: str, faketime: dict[str, str], tmp_path: Path
) -> None:
    """Row 11: put forward or back by an hour in the middle, it ends nothing early, nothing late."""
    file = tmp_path / "faketime"
    file.write_text("+0\n")
    environ = {**faketime, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}
    await (await here.begin("stepping", environ=environ)).ready()
    await here.active(5, 8 * SECOND)
    file.write_text(f"{step}\n")
    await here.active(5, 4 * SECOND)
    await here.until(State.ENDED, 10, within=12)
    await here.told_all()

    for grant in await here.rows():
        assert grant.expires_at is not None
        assert grant.ended_at is not None
        assert timedelta(0) <= grant.ended_at - grant.expires_at < 2 * SECOND
    await here.check()
    assert await asyncio.to_thread(file.read_text)
