"""The operator's word on a database that was put back."""

import json
import sys

from sqlalchemy import Connection

from bot.cli.edge import AnswerIsNoError
from bot.cli.ending import operator
from bot.cli.ground import with_database
from bot.config.settings import read_settings
from bot.engine.ledger import Ledger
from bot.engine.proving import RESTORE, Witness
from bot.engine.restoring import Restoring
from bot.storage import store
from bot.storage.database import Database


def tell() -> None:
    """Raises `AnswerIsNoError` while a word is waited for."""

    async def look(database: Database) -> str | None:
        return await database.read(_found)

    found = with_database(look)
    if found is None:
        sys.stdout.write("No restored database waits for your word.\n")
        return
    said: dict[str, int] = json.loads(found)
    raise AnswerIsNoError(
        f"The log has {said['log']} lines, and {said['signed']} were signed: an older database"
        " was put back.",
        hints=(
            "Look at what the audit channel reports, then `curfew restore confirm`.",
            "Or put the newer database back.",
        ),
    )


def go_on() -> None:
    """Raises `AnswerIsNoError` when nothing waits for it."""
    settings = read_settings()
    witness = Witness(settings.audit_key.with_name(settings.audit_key.name + ".checkpoint"))

    async def work(database: Database) -> int | None:
        restoring = Restoring(Ledger(database), witness)
        if not await restoring.pending():
            return None
        return await restoring.confirm(operator=operator())

    marks = with_database(work, settings)
    if marks is None:
        raise AnswerIsNoError("No restored database waits for your word.")
    sys.stdout.write(f"Confirmed. {marks} unknown marks are removed by the next sweep.\n")


def _found(conn: Connection) -> str | None:
    return store.get_setting(conn, RESTORE)
