"""`curfew audit erase`."""

import sys
from functools import partial

import typer

from bot.cli.edge import AnswerIsNoError, WrongUsageError
from bot.cli.ending import operator
from bot.cli.ground import with_database
from bot.engine.erasing import Erasing, Traces
from bot.engine.ledger import Ledger
from bot.storage import store
from bot.storage.database import Database


def erase_person(who: str, *, is_sure: bool) -> None:
    """Raises `AnswerIsNoError` for nobody or a no, the engine's refusal for somebody live."""
    found = with_database(partial(_found, who=who))
    if not (found.grants or found.lines or found.live):
        raise AnswerIsNoError(f"There is nothing of {who} to erase.")
    if not is_sure and not found.live:
        _ask(found)
    done = with_database(partial(_erase, person=found.person))
    sys.stdout.write(
        f"Erased: the words in {done.lines} lines and {_counted(done.grants)} of {done.person}.\n"
        "What stands in Slack, in exports and in backups is not changed.\n"
    )


async def _found(database: Database, *, who: str) -> Traces:
    person = who.strip().upper()
    if "@" in who:
        ids = await database.read(partial(store.requesters_called, email=who.strip()))
        if not ids:
            raise AnswerIsNoError(
                f"Nobody with the address {who} is in the database.",
                hints=("Give the Slack user id (U…) of somebody who has never asked.",),
            )
        if len(ids) > 1:
            raise WrongUsageError(
                f"{who} belongs to more than one user id.",
                hints=(f"Give one of them: {', '.join(ids)}.",),
            )
        (person,) = ids
    return await Erasing(Ledger(database)).look(person)


async def _erase(database: Database, *, person: str) -> Traces:
    return await Erasing(Ledger(database)).erase(person, operator=operator())


def _ask(found: Traces) -> None:
    if not sys.stdin.isatty():
        raise WrongUsageError(
            "Erasing cannot be undone, and there is nobody to ask here.", hints=("Add --yes.",)
        )
    grants = _counted(found.grants)
    question = f"Erase the words in {grants} of {found.person}, and what they wrote elsewhere?"
    if not typer.confirm(question):
        raise AnswerIsNoError("Nothing was erased.")


def _counted(number: int) -> str:
    return "one grant" if number == 1 else f"{number} grants"
