"""`curfew restore`: the operator's word on a database that was put back."""

import json

from bot.engine.ledger import Ledger
from bot.engine.proving import RESTORE
from bot.storage import store
from bot.storage.database import Database
from tests.cli.ground import Ground


async def suspect(ground: Ground) -> None:
    """As the bot leaves it when it sees a log behind its last checkpoint."""
    async with await Database.open(f"sqlite:///{ground.directory}/curfew.db") as database:
        found = json.dumps({"signed": 9, "log": 3})
        await Ledger(database).write(lambda pen: store.set_setting(pen.conn, RESTORE, found))


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
    said = await ground.curfew("restore", "confirm")
    assert (said.code, "Confirmed" in said.out) == (0, True)
    assert (await ground.curfew("restore", "status")).code == 0
    log = await ground.curfew("audit", "export")
    event = json.loads(log.out.splitlines()[-1])["event"]
    assert event["kind"] == "restore.confirmed"
    assert event["actor"].startswith("cli:")
