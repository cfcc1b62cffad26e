"""Which grants are meant: filters, and the beginning of an id."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from bot.cli.edge import AnswerIsNoError, WrongUsageError
from bot.domain.grant import CROCKFORD, ID_LENGTH, LIVE, Grant, State
from bot.storage import store

PAGE: Final = 500
SHORTEST: Final = 4
MARKS: Final = ("curfew-", "curfew_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters; what is not given does not filter. `states` empty means all."""

    states: tuple[State, ...] = tuple(sorted(LIVE))
    who: str | None = None
    resource: str | None = None
    overdue: bool = False
    limit: int = 100


def state_of(word: str) -> State:
    """Raises `WrongUsageError` for what is no state."""
    try:
        return State(word.strip().lower())
    except ValueError:
        names = ", ".join(state.value for state in State)
        raise WrongUsageError(
            f"There is no state {word!r}.", hints=(f"States: {names}.",)
        ) from None


def states_of(named: list[State], *, everything: bool) -> tuple[State, ...]:
    """Those that were named; else all or the live ones."""
    if named:
        return tuple(dict.fromkeys(named))
    return () if everything else tuple(sorted(LIVE))


def select_grants(conn: Connection, wanted: Wanted) -> list[Grant]:
    """The newest first; the longest overdue first when only overdue ones are wanted."""
    found: list[Grant] = []
    for grant in _candidates(conn, wanted):
        if _fits(grant, wanted):
            found.append(grant)
            if len(found) == wanted.limit:
                break
    return found


def grant_of(conn: Connection, text: str) -> Grant:
    """The one grant whose id begins so. Raises `WrongUsageError`, `AnswerIsNoError` for none."""
    prefix = text.strip().lower()
    for mark in MARKS:
        prefix = prefix.removeprefix(mark)
    if not set(prefix) <= set(CROCKFORD) or not SHORTEST <= len(prefix) <= ID_LENGTH:
        raise WrongUsageError(
            f"{text!r} is no grant id, nor the beginning of one.",
            hints=("An id has 12 letters and digits; four of them are enough: `curfew grants`.",),
        )
    found = store.find_grants_by_prefix(conn, prefix, 2)
    if not found:
        raise AnswerIsNoError(
            f"There is no grant {prefix}.", hints=("`curfew grants --all` lists them.",)
        )
    if len(found) > 1:
        raise WrongUsageError(
            f"More than one grant begins with {prefix}.", hints=("Type more of the id.",)
        )
    return found[0]


def _candidates(conn: Connection, wanted: Wanted) -> Iterator[Grant]:
    if wanted.overdue:
        yield from store.overdue_grants(conn, limit=10_000)
        return
    requester = wanted.who if wanted.who and "@" not in wanted.who else None
    after: store.Position | None = None
    while True:
        page = store.list_grants(
            conn,
            states=wanted.states,
            requester=requester.upper() if requester else None,
            resource=wanted.resource.lower() if wanted.resource else None,
            after=after,
            limit=PAGE,
        )
        yield from page
        if len(page) < PAGE:
            return
        after = store.position(page[-1])


def _fits(grant: Grant, wanted: Wanted) -> bool:
    """An e-mail is that of the asking; the rest the query has seen to, but for overdue ones."""
    who, person = wanted.who, grant.order.person
    if who and "@" in who and (person.email or "").casefold() != who.casefold():
        return False
    if who and "@" not in who and grant.requester != who.upper():
        return False
    return wanted.resource is None or grant.resource == wanted.resource.lower()
