"""Which grant is meant: by resource name, by id, or by the beginning of one."""

from typing import Final

from bot.domain.errors import RefusalError
from bot.domain.grant import LIVE, Grant
from bot.engine.ledger import Ledger
from bot.storage import store

SHORTEST_PREFIX: Final = 4
MARK: Final = "curfew-"


async def pick(ledger: Ledger, user: str, target: str | None) -> Grant:
    """One's own live grant by resource name, any grant by id or a prefix; None: one's only one.

    Raises `RefusalError` (codes `nothing_live`, `ambiguous`).
    """
    mine = await ledger.read(
        lambda conn: store.list_grants(conn, states=LIVE, requester=user, limit=50)
    )
    if target is None:
        return _only(mine)
    named = [grant for grant in mine if grant.resource == target.lower()]
    return named[0] if named else await by_prefix(ledger, target)


async def by_prefix(ledger: Ledger, target: str) -> Grant:
    """Any grant by its id, its mark, or an unambiguous beginning of at least 4 characters."""
    wanted = target.lower().removeprefix(MARK)
    found: list[Grant] = []
    if len(wanted) >= SHORTEST_PREFIX:
        found = await ledger.read(lambda conn: store.find_grants_by_prefix(conn, wanted, 2))
    if len(found) == 1:
        return found[0]
    if found:
        raise RefusalError(
            "ambiguous", f"More than one grant begins with {wanted}.", hint="Type more of it."
        )
    raise RefusalError(
        "nothing_live",
        "You have nothing open by that name, and no grant has that id.",
        hint="/access mine shows what you have.",
    )


def _only(mine: list[Grant]) -> Grant:
    if len(mine) == 1:
        return mine[0]
    if not mine:
        raise RefusalError("nothing_live", "You have nothing open.", hint="/access list")
    names = ", ".join(sorted(grant.resource for grant in mine))
    raise RefusalError("ambiguous", f"You have several: {names}.", hint="Name one of them.")
