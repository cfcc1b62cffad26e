"""What an operator does at the command line, without Slack: ending access. Nobody is looked up.

Whoever can run the command on the bot's own database is an operator; the log names the account
that ran it.
"""

from collections.abc import Sequence
from functools import partial

from bot.domain.acts import Cancel, Revoke, Role
from bot.domain.grant import Grant, State
from bot.domain.words import kept
from bot.engine.ledger import Ledger, Pen


class Operating:
    """Acts of a named local operator."""

    def __init__(self, ledger: Ledger) -> None:
        """Writes through the ledger like everybody else."""
        self._ledger = ledger

    async def revoke(self, ids: Sequence[str], *, operator: str, reason: str) -> list[Grant]:
        """Ends each of these that is live, in one transaction; what it changed.

        A terminal may hand us bytes that are no text: they hinder no revoke. Requests are
        cancelled, access begins to be taken away: the proven end is the worker's.
        """
        return await self._ledger.write(
            partial(_end, ids=tuple(ids), actor=kept(f"cli:{operator}"), reason=kept(reason))
        )


def _end(pen: Pen, *, ids: tuple[str, ...], actor: str, reason: str) -> list[Grant]:
    changed = []
    for grant in pen.grants(ids).values():
        if grant.state in (State.PENDING, State.SCHEDULED):
            act = Cancel(actor=actor, role=Role.ADMIN, reason=reason)
            changed.append(pen.step(grant, act))
        elif grant.state in (State.GRANTING, State.ACTIVE):
            revoke = Revoke(actor=actor, role=Role.ADMIN, reason=reason)
            changed.append(pen.step(grant, revoke))
    return changed
