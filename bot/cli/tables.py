"""Grants as people read them on a terminal; in a pipe nothing is cut."""

import json
import sys
import unicodedata
from datetime import datetime
from functools import partial
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli.ground import with_database
from bot.cli.selection import Wanted, grant_of, select_grants
from bot.domain.chain import SHORT_HASH
from bot.domain.codec import PERSON
from bot.domain.durations import human
from bot.domain.grant import Grant
from bot.domain.record import SealedEvent
from bot.storage import store
from bot.storage.database import Database

PIPE_WIDTH: Final = 400
STAMP: Final = "%Y-%m-%d %H:%M:%S"
COLUMNS: Final = ("ID", "STATE", "RESOURCE", "WHO", "ASKED (UTC)", "ENDS (UTC)", "WHY IT ENDED")


def console() -> Console:
    """Standard output. Text of people is never read as markup."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_grants(wanted: Wanted) -> None:
    """A line for each."""

    async def look(database: Database) -> list[Grant]:
        return await database.read(partial(select_grants, wanted=wanted))

    found = with_database(look)
    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for grant in found:
        table.add_row(*(Text(word) for word in _row(grant)))
    if found:
        console().print(table)
    else:
        only_live = wanted.states == Wanted().states
        over = " `curfew grants --all` looks at what is over, too." if only_live else ""
        sys.stderr.write(f"There are no such grants.{over}\n")
    if len(found) == wanted.limit:
        sys.stderr.write(f"These are the first {wanted.limit}; --limit shows more.\n")


def print_grant(prefix: str) -> None:
    """One with all that is known of it."""

    async def look(database: Database) -> tuple[Grant, list[SealedEvent]]:
        grant = await database.read(partial(grant_of, text=prefix))
        return grant, await database.read(partial(store.events_of, grant_id=grant.id))

    grant, events = with_database(look)
    out = console()
    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _facts(grant).items():
        facts.add_row(Text(name, style="bold"), Text(value))
    out.print(facts)
    out.print()
    history = Table("TIME (UTC)", "EVENT", "BY", "", "LINE", box=None, pad_edge=False)
    for event in events:
        line = f"#{event.seq} {event.hash[:SHORT_HASH]}"
        words = (moment(event.at), event.kind.value, event.actor, _said(event), line)
        history.add_row(*(Text(shown(word)) for word in words))
    out.print(history)


def person(grant: Grant) -> str:
    """Whose access it is: the address of the asking, else the user id."""
    return shown(grant.order.person.email or grant.requester)


def moment(at: datetime | None) -> str:
    return at.strftime(STAMP) if at else "-"


def shown(text: str) -> str:
    """On one line, and nothing in it that moves a cursor or turns the writing round."""
    return "".join(
        " " if char in "\n\t" else "�" if unicodedata.category(char)[0] == "C" else char
        for char in text
    )


def _row(grant: Grant) -> tuple[str, ...]:
    state = f"{grant.state.value} (overdue)" if grant.overdue_at else grant.state.value
    return (
        grant.id,
        state,
        grant.resource,
        person(grant),
        moment(grant.created_at),
        moment(grant.ended_at or grant.expires_at),
        grant.end_reason.value if grant.end_reason else "",
    )


def _facts(grant: Grant) -> dict[str, str]:
    who = f"{person(grant)} ({grant.requester})"
    facts = {
        "grant": grant.id,
        "state": grant.state.value,
        "resource": grant.resource,
        "provider": f"{grant.order.provider} ({grant.order.adapter})",
        "who": who,
        "reason": shown(grant.reason),
        "how long": human(grant.duration),
        "approved by": ", ".join(grant.votes) or "-",
        "asked": moment(grant.created_at),
        "starts at": moment(grant.starts_at),
        "started": moment(grant.started_at),
        "ends": moment(grant.expires_at),
        "ended": moment(grant.ended_at),
        "why it ended": grant.end_reason.value if grant.end_reason else "-",
        "overdue since": moment(grant.overdue_at),
        "last error": shown(grant.last_error or "-"),
    }
    return {name: value for name, value in facts.items() if value != "-"}


def _said(event: SealedEvent) -> str:
    """What the line tells a reader: `audit export` has the whole of it.

    Of what changed only the state and the end; who the person is stands above the history.
    """
    data: dict[str, object] = json.loads(event.body)["data"]
    changes = data.pop("changes", None)
    if isinstance(changes, dict):
        data |= {name: changes[name] for name in ("state", "expires_at") if changes.get(name)}
    words = [f"{key}={_plain(value)}" for key, value in data.items() if value not in (None, "")]
    texts = {name: entry["text"] for name, entry in event.texts.items() if name != PERSON}
    words += [f"{name}: “{text}”" for name, text in texts.items()]
    return "  ".join(words)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
