"""Whoever owns the database can change it past the triggers, and is found out on both of them."""

import asyncio
import secrets
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from sqlalchemy import Connection, text

from bot.engine import verifying
from bot.engine.parts import PAGE, Part, begin, read_there
from bot.engine.verifying import LONG, prove
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, office
from tests.storage.samples import make_event


@pytest.fixture
async def lived(database: Database) -> Database:
    """Six lines: asked, denied, a checkpoint, asked, cancelled, a checkpoint."""
    async with office(database, provider=f"pg-{secrets.token_hex(4)}") as here:
        first = await here.ask()
        await here.engine.service.deny(MAYA, first.id, reason="not today")
        await here.engine.prove()
        second = await here.ask()
        await here.engine.service.cancel(DANA, second.id)
        await here.engine.prove()
    return database


async def tamper(database: Database, *statements: str) -> None:
    """As the owner of the tables."""

    def work(conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            conn.execute(text("ALTER TABLE events DISABLE TRIGGER USER"))
        else:
            for name in ("events_no_update", "events_no_delete"):
                conn.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            conn.execute(text(statement))

    await database.write(work)


async def test_nothing_was_touched(lived: Database) -> None:
    """The log of a short life is whole."""
    proof = await prove(lived)
    assert proof.fault is None
    assert proof.lines == (await lived.read(store.head)).seq == 6
    assert proof.head == (await lived.read(store.head)).hash


MOMENT = {"sqlite": "at + 1", "postgresql": "at + interval '1 microsecond'"}


@pytest.mark.parametrize(
    ("change", "seq", "said"),
    [
        ("at = {moment} WHERE seq = 2", 2, "column beside line 2"),
        ("kind = 'grant.approved' WHERE seq = 2", 2, "column beside line 2"),
        ("actor = 'U0OMAR' WHERE seq = 2", 2, "column beside line 2"),
        ("grant_id = NULL WHERE seq = 4", 4, "column beside line 4"),
        ("grant_id = 'x' WHERE seq = 3", 3, "column beside line 3"),
        ("body = replace(body, 'U0MAYA', 'U0OMAR') WHERE seq = 2", 2, "line 2 was changed"),
        ("hash = substr(hash, 2) || substr(hash, 1, 1) WHERE seq = 3", 3, "line 3 was changed"),
        ("texts = (SELECT texts FROM events WHERE seq = 2) WHERE seq = 1", 1, "is not what was"),
        ("texts = '{{}}' WHERE seq = 2", 2, "is gone, and no line says"),
        ("texts = NULL WHERE seq = 2", 2, "is gone, and no line says"),
        ("seq = 60 WHERE seq = 6", 6, "line 6 is missing"),
    ],
)
async def test_a_changed_column_is_named(lived: Database, change: str, seq: int, said: str) -> None:
    """The first line at which something beside the chain or in it is not what was written."""
    await tamper(lived, f"UPDATE events SET {change.format(moment=MOMENT[lived.kind])}")
    fault = (await prove(lived)).fault
    assert fault is not None
    assert (fault.seq, said in fault.what) == (seq, True), fault


async def test_a_cut_tail_needs_the_head_row_as_well(lived: Database) -> None:
    """Lines cut off behind the head row's back are missed, however few."""
    await tamper(lived, "DELETE FROM events WHERE seq = 6")
    fault = (await prove(lived)).fault
    assert fault is not None
    assert (fault.seq, "ends with line 5" in fault.what) == (6, True)


async def test_a_line_behind_the_head_row(lived: Database) -> None:
    """A head row that was put back names the line that it does not know."""
    await tamper(lived, "UPDATE chain_head SET seq = 4")
    fault = (await prove(lived)).fault
    assert fault is not None
    assert (fault.seq, "head row says 4" in fault.what) == (5, True)


async def test_a_head_row_with_another_hash(lived: Database) -> None:
    """The head row must name the last line's own hash: the next line would hang in the air."""
    await tamper(lived, f"UPDATE chain_head SET hash = '{'0' * 64}'")
    fault = (await prove(lived)).fault
    assert fault is not None
    assert fault.seq == 6


@pytest.mark.parametrize("long", [0, LONG], ids=["several", "alone"])
@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_pages(database: Database, more: int, long: int) -> None:
    """A log that fills its pages exactly is read to its end, and a fault in the last line found.

    By one process, and by several.
    """
    count = PAGE + more
    await database.write(
        lambda conn: store.append_events(conn, [make_event(n) for n in range(count)])
    )
    heard: list[int] = []
    proof = await prove(database, progress=heard.append, long=long, part=PAGE // 2)
    assert (proof.lines, proof.fault, heard[-1]) == (count, None, count)
    await tamper(database, f"UPDATE events SET actor = 'x' WHERE seq = {count}")
    fault = (await prove(database, long=long, part=PAGE // 2)).fault
    assert fault is not None
    assert fault.seq == count


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        (f"hash = substr(hash, 2) || substr(hash, 1, 1) WHERE seq = {PAGE}", PAGE),
        (f"hash = 'x' WHERE seq = {PAGE}", PAGE),
        (f"actor = 'x' WHERE seq = {PAGE + 1}", PAGE + 1),
        (f"actor = 'x' WHERE seq IN ({PAGE}, {2 * PAGE})", PAGE),
    ],
)
async def test_the_first_fault_wins(database: Database, change: str, seq: int) -> None:
    """Several processes read several pages: what is told is what comes first in the log."""
    await database.write(
        lambda conn: store.append_events(conn, [make_event(n) for n in range(2 * PAGE)])
    )
    await tamper(database, f"UPDATE events SET {change}")
    fault = (await prove(database, long=0, part=PAGE)).fault
    assert fault is not None
    assert fault.seq == seq


async def test_a_process_that_helps(lived: Database) -> None:
    """It reads a part by itself, from line to line; and says nothing where not all is well."""
    url = lived.url.render_as_string(hide_password=False)
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=begin, initargs=(url,)) as pool:
        found = await asyncio.wrap_future(pool.submit(read_there, Part(2, 6)))
        assert found is not None
        hashes = await lived.read(lambda conn: store.hashes_at(conn, [2, 6]))
        assert found.began == (2, bytes.fromhex(hashes[2]))
        assert (found.seq, found.head) == (6, hashes[6])
        await tamper(lived, "UPDATE events SET actor = 'x' WHERE seq = 5")
        for part in (Part(2, 6), Part(4, 9), Part(9, 12)):
            assert await asyncio.wrap_future(pool.submit(read_there, part)) is None
        assert await asyncio.wrap_future(pool.submit(read_there, Part(0, 4))) is not None


async def test_help_that_does_not_come(lived: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is read all the same."""
    monkeypatch.setattr(verifying, "begin", sys.exit)
    proof = await prove(lived, long=0, part=1)
    assert (proof.lines, proof.fault) == (6, None)
