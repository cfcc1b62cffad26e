"""Ending access from a terminal: who is meant, handing over or doing it, waiting for the proof."""

import asyncio
import os
import pwd
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import Connection

from bot.app.ending import ending
from bot.app.policies import Source, read_policy
from bot.app.shelf import EMPTY
from bot.cli.edge import AnswerIsNoError, WrongUsageError
from bot.cli.ground import quiet
from bot.cli.selection import Wanted, grant_of, select_grants
from bot.cli.tables import person, shown
from bot.config.errors import ConfigurationError
from bot.config.settings import Settings, environment, read_settings
from bot.domain.grant import Grant, State
from bot.engine.ledger import Ledger
from bot.engine.operating import Operating
from bot.observability.figures import Figures
from bot.storage import store
from bot.storage.database import Database
from bot.storage.errors import OccupiedError

GLANCE: Final = 0.2
ALL: Final = 1_000_000

Poke = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whose access is to end: ids, or all that fits the filters."""

    ids: tuple[str, ...] = ()
    everything: bool = False
    resource: str | None = None
    who: str | None = None
    reason: str = ""

    @property
    def narrowly(self) -> str:
        """Behind "nothing": a filter may have been typed wrongly."""
        if not (self.resource or self.who):
            return ""
        what = " and ".join(filter(None, (self.resource, self.who)))
        return f" that fits {shown(what)}; `curfew grants` lists what is live"

    def require_clear(self) -> None:
        """Raises `WrongUsageError` unless it is beyond doubt what is meant, and why."""
        has_filter = bool(self.resource or self.who)
        if self.ids and (has_filter or self.everything):
            raise WrongUsageError("Ids are given, and a filter too.", hints=("Give one of them.",))
        if not (self.ids or has_filter or self.everything):
            raise WrongUsageError(
                "What is to end?",
                hints=(
                    "Name grants by id, or use --resource, --who or --all.",
                    "`curfew grants` lists what is live.",
                ),
            )
        if not self.reason.strip():
            raise WrongUsageError(
                "A reason is missing.", hints=("Add --reason '...': it stands in the audit log.",)
            )

    def select(self, conn: Connection) -> list[Grant]:
        """Live ones only. An id that is over already is told as such by `AnswerIsNoError`."""
        if not self.ids:
            return select_grants(conn, Wanted(resource=self.resource, who=self.who, limit=ALL))
        return list({(found := grant_of(conn, one)).id: found for one in self.ids}.values())


def end_access(choice: Choice, *, wait: float) -> None:
    """Raises `AnswerIsNoError` when something was not to be ended, or is still there."""
    choice.require_clear()
    quiet()
    asyncio.run(_end_access(choice, read_settings(), wait))


async def _end_access(choice: Choice, settings: Settings, wait: float) -> None:
    async with AsyncExitStack() as stack:
        database, is_alone = await _opened(settings, stack)
        chosen = await database.read(choice.select)
        for grant in chosen:
            if not grant.state.live:
                sys.stderr.write(f"{_called(grant)} is over already: {grant.state.value}.\n")
        live = tuple(grant.id for grant in chosen if grant.state.live)
        if not live:
            sys.stderr.write(f"There is nothing to end{choice.narrowly}.\n")
            return
        operating = Operating(Ledger(database))
        await operating.revoke(live, operator=operator(), reason=choice.reason)
        poke = await _by_ourselves(settings, database, live, stack) if is_alone else _handed_over()
        await _awaited(database, live, poke, wait)


async def _opened(settings: Settings, stack: AsyncExitStack) -> tuple[Database, bool]:
    """The database, and whether no bot runs on it: then it is open exclusively."""
    url = settings.database_url.get_secret_value()
    beside = await stack.enter_async_context(await Database.open(url))
    if await beside.occupied():
        return beside, False
    try:
        alone = await Database.open(url, exclusive=True)
    except OccupiedError:
        return beside, False  # it started this very moment
    return await stack.enter_async_context(alone), True


def _handed_over() -> Poke:
    sys.stderr.write("Handed over to the bot that runs.\n")
    return _nothing


async def _by_ourselves(
    settings: Settings, database: Database, live: tuple[str, ...], stack: AsyncExitStack
) -> Poke:
    """Begin to call the providers. Requests that were cancelled need none of them."""
    rows = await database.read(partial(store.get_grants, ids=live))
    if not any(grant.state is State.REVOKING for grant in rows.values()):
        return _nothing
    try:
        shelf = EMPTY.restocked(read_policy(Source(settings.policy, environment)))
    except ConfigurationError:
        sys.stderr.write("It is written down, and done when a bot runs that can read the policy.\n")
        raise
    work = ending(database, shelf.adapters, Figures(), live)
    return (await stack.enter_async_context(work)).poke


def _nothing() -> None:
    """Who hands over has nobody to poke."""


async def _awaited(database: Database, ids: tuple[str, ...], poke: Poke, wait: float) -> None:
    """Wait for the proven end of all, and say how each came out."""
    deadline = time.monotonic() + wait
    columns = (TextColumn("waiting for the proof"), BarColumn(), MofNCompleteColumn())
    seen = Console(stderr=True)
    quietly = not seen.is_terminal
    with Progress(*columns, console=seen, transient=True, disable=quietly) as progress:
        task = progress.add_task("", total=len(ids))
        while True:
            poke()
            rows = await database.read(partial(store.get_grants, ids=ids))
            left = [grant for grant in rows.values() if grant.state.live]
            progress.update(task, completed=len(ids) - len(left))
            if not left or time.monotonic() >= deadline:
                break
            await asyncio.sleep(GLANCE)
    _say(rows.values())
    if left:
        raise AnswerIsNoError(
            f"{_counted(len(left))} not proven to be over yet.",
            hints=("It is tried on: `curfew grants --overdue` shows what still is there.",),
        )


def _say(grants: Iterable[Grant]) -> None:
    for grant in grants:
        state = grant.state
        if state is State.ENDED:
            sys.stdout.write(f"{_called(grant)}: gone, and the provider was asked again.\n")
        elif not state.live:
            sys.stdout.write(f"{_called(grant)}: {state.value}.\n")
        else:
            why = f": {shown(grant.last_error)}" if grant.last_error else ""
            sys.stdout.write(f"{_called(grant)}: still {state.value}{why}.\n")


def _called(grant: Grant) -> str:
    return f"{grant.id} ({grant.resource} of {person(grant)})"


def _counted(number: int) -> str:
    return "One grant is" if number == 1 else f"{number} grants are"


def operator() -> str:
    """Who runs the command: the account, and behind sudo the one who used it."""
    name = pwd.getpwuid(os.getuid()).pw_name
    return os.environ.get("SUDO_USER", name) if os.getuid() == 0 else name
