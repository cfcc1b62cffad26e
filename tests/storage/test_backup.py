"""Copies of a database in use."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.storage import store
from bot.storage.backup import back_up
from bot.storage.database import Database
from bot.storage.errors import UnusableError
from tests.storage.samples import make_event, make_grant, put


async def test_a_copy_while_it_is_written_to(sqlite_url: str, tmp_path: Path) -> None:
    """The copy is one state with a whole chain, opens like the original, and is private."""
    target = tmp_path / "copy.db"
    async with await Database.open(sqlite_url, exclusive=True) as database:
        await database.write(put(make_grant(resource="before")))
        await database.write(lambda conn: store.append_events(conn, [make_event()]))

        async def go_on() -> None:
            for number in range(60):
                event = make_event(number)
                await database.write(lambda conn, event=event: store.append_events(conn, [event]))

        copying = asyncio.to_thread(back_up, sqlite_url, target)
        size, _ = await asyncio.gather(copying, go_on())
    assert size == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "copy.db.unfinished").exists()
    with closing(sqlite3.connect(target)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with await Database.open(f"sqlite:///{target}", exclusive=True) as copy:
        assert len(await copy.read(store.list_grants)) == 1
        head = await copy.read(store.head)
        log = await copy.read(lambda conn: store.events_page(conn, 0, 1000))
        assert head == (log[-1].seq, log[-1].hash)
        assert len(log) == log[-1].seq
        await copy.write(put(make_grant(resource="after")))


def test_nothing_is_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    """An existing file is left alone, and a missing database is no empty copy."""
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(UnusableError, match="a file already"):
        back_up(sqlite_url, target)
    assert target.read_text() == "precious"
    with pytest.raises(UnusableError, match="no database"):
        back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "other.db")
    with pytest.raises(UnusableError, match="could not be written"):
        back_up(sqlite_url, tmp_path / "missing" / "copy.db")


def test_postgresql_has_its_own(tmp_path: Path) -> None:
    """On PostgreSQL the line to run is given, without the password."""
    with pytest.raises(UnusableError, match="only SQLite") as caught:
        back_up("postgresql://me:hunter2@db.example/curfew", tmp_path / "x.dump")
    assert "pg_dump" in caught.value.hint
    assert "postgresql://me@db.example/curfew" in caught.value.hint
    assert "hunter2" not in caught.value.hint
