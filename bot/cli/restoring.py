"""What `curfew restore` says and does, beside a running bot or without one."""

import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from bot.cli.edge import AnswerIsNoError, WrongUsageError
from bot.cli.ending import operator
from bot.cli.ground import with_database
from bot.cli.tables import shown
from bot.config.settings import read_settings
from bot.engine.ledger import Ledger
from bot.engine.proving import Witness
from bot.engine.restoring import Restoring, Standing, standing
from bot.storage.database import Database

NOTHING: Final = "No restored database waits for your word."
NAME_LIMIT: Final = 80
"""Characters of an operator's name."""


def print_standing() -> None:
    """Raises `AnswerIsNoError` while an admin's word is waited for."""

    async def work(database: Database) -> Standing:
        return await database.read(standing)

    found = with_database(work)
    sys.stdout.write("".join(f"{line}\n" for line in _told(found)))
    if not found.waits:
        return
    hints = ("`curfew restore confirm`, when all of this is to go.",)
    if not found.is_restored:
        raise AnswerIsNoError("Marks that are not in the log wait for your word.", hints=hints)
    raise AnswerIsNoError(
        f"The log has {found.log} lines, and {found.signed} were signed: an older database was put"
        " back.",
        hints=(*hints, "Or put the newer database back."),
    )


def confirm_restore(name: str | None) -> None:
    """Raises `AnswerIsNoError` when nothing waits for it."""
    who = operator() if name is None else name.strip()
    if not 0 < len(who) <= NAME_LIMIT or not who.isprintable():
        raise WrongUsageError(
            "That is no name of an operator.", hints=("--operator maya: printable, not empty.",)
        )

    settings = read_settings()

    async def work(database: Database) -> Standing:
        restoring = Restoring(Ledger(database), Witness.beside(settings.audit_key))
        found = await restoring.standing()
        if found.waits:
            await restoring.confirm(operator=who)
        return found

    found = with_database(work, settings)
    if not found.waits:
        raise AnswerIsNoError(NOTHING)
    sys.stdout.write(f"Confirmed: {_counted(len(found.unknown))} not in the log will be removed.\n")
    sys.stdout.write("The bot's next sweep does it, within five minutes.\n")


def _told(found: Standing) -> Iterable[str]:
    if found.is_restored:
        yield "A restored database waits for your word. Ends of access that it knows go on as ever."
    elif not found.waits:
        yield NOTHING
    yield from _listed("Not in the log; would be removed:", found.unknown)
    yield from _listed("Ended in the log and still there; would be removed:", found.known)
    if found.missing:
        yield "Active here and not there; would be ended as lost:"
        yield from (f"  {grant_id}" for grant_id in found.missing)


def _listed(heading: str, marks: Iterable[str]) -> Iterable[str]:
    by_provider: dict[str, list[str]] = defaultdict(list)
    for one in marks:
        provider, _, mark = one.rpartition(":")
        by_provider[provider].append(mark)
    for provider, names in sorted(by_provider.items()):
        yield f"{heading} {shown(provider)}"
        yield from (f"  curfew-{shown(name)}" for name in names)


def _counted(number: int) -> str:
    return "one mark that is" if number == 1 else f"{number} marks that are"
