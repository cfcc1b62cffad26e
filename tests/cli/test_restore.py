"""`curfew restore`: the operator's word on a database that was put back."""

import json

from bot.engine.ledger import Ledger
from bot.engine.proving import RESTORE
from bot.engine.restoring import CONFIRMED, REPORTED, UNKNOWN
from bot.storage import store
from bot.storage.database import Database
from tests.cli.ground import Ground


async def suspect(ground: Ground) -> None:
    """As the bot leaves it when it sees a log behind its last checkpoint, and a mark."""
    async with await Database.open(f"sqlite:///{ground.directory}/curfew.db") as database:
        found = json.dumps({"signed": 9, "log": 3})
        ledger = Ledger(database)
        await ledger.write(lambda pen: store.set_setting(pen.conn, RESTORE, found))
        await report(database, "zzzzzzzzzzzz", REPORTED)


async def report(database: Database, mark: str, word: str) -> None:
    """As a sweep leaves it."""
    name = f"{UNKNOWN}orders:{mark}"
    await Ledger(database).write(lambda pen: store.set_setting(pen.conn, name, word))


async def test_nothing_waits(ground: Ground) -> None:
    """Where nothing was restored, status says so and there is nothing to confirm."""
    await ground.curfew("db", "upgrade")
    said = await ground.curfew("restore", "status")
    assert (said.code, "No restored database" in said.out) == (0, True)
    said = await ground.curfew("restore", "confirm")
    assert (said.code, "No restored database" in said.err) == (1, True)


async def test_status_then_confirm(ground: Ground) -> None:
    """What waits is told with its numbers; a confirmation ends the waiting and is logged."""
    await ground.curfew("db", "upgrade")
    await suspect(ground)
    said = await ground.curfew("restore", "status")
    assert said.code == 1
    assert "3 lines" in said.err
    assert "9 were signed" in said.err
    assert "curfew restore confirm" in said.err
    assert "Not in the log; would be removed: orders" in said.out
    assert "curfew-zzzzzzzzzzzz" in said.out
    assert (await ground.curfew("restore")).out == said.out
    said = await ground.curfew("restore", "confirm")
    assert (said.code, "Confirmed: one mark" in said.out) == (0, True)
    assert (await ground.curfew("restore", "status")).code == 0
    log = await ground.curfew("audit", "export")
    event = json.loads(log.out.splitlines()[-1])["event"]
    assert event["kind"] == "restore.confirmed"
    assert event["actor"].startswith("cli:")


async def test_a_strange_mark_alone(ground: Ground) -> None:
    """A mark that the log never knew waits too, with no restore; a known one waits for nobody."""
    await ground.curfew("db", "upgrade")
    async with await Database.open(f"sqlite:///{ground.directory}/curfew.db") as database:
        await report(database, "aaaaaaaaaaaa", CONFIRMED)
        known = await ground.curfew("restore")
        await report(database, "zzzzzzzzzzzz", REPORTED)
        strange = await ground.curfew("restore")
    assert (known.code, "Ended in the log and still there" in known.out) == (0, True), known
    assert (strange.code, "wait for your word" in strange.err) == (1, True), strange


async def test_whose_word_it_is(ground: Ground) -> None:
    """A name may be given for the log; one that cannot be read is refused."""
    await ground.curfew("db", "upgrade")
    await suspect(ground)
    wrong = await ground.curfew("restore", "confirm", "--operator", "a\nb")
    assert (wrong.code, "no name of an operator" in wrong.err) == (2, True)
    assert (await ground.curfew("restore", "confirm", "--operator", "maya")).code == 0
    log = await ground.curfew("audit", "export")
    assert json.loads(log.out.splitlines()[-1])["event"]["actor"] == "cli:maya"
