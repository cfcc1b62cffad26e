"""Claiming: rows whose time has come, in one transaction, with a lease where a call is needed.

What needs no call (a lapse, a warning, the moment of expiry) is done in the same transaction. A
row is leased by moving its `next_at` to the lease's end, so a crash anywhere leaves a lease that
lapses and somebody else's turn.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from bot.domain.acts import Act, End, Fail, Finish, Lapse, Remind, Role, Warn
from bot.domain.grant import EndReason, Grant
from bot.domain.schedule import Due, due
from bot.engine.jobs import Job, Provision
from bot.engine.ledger import Pen
from bot.storage import store

CLAIM: Final = 200
LEASE: Final = timedelta(seconds=15)

AT_ONCE: Final[Mapping[Due, Callable[[], Act]]] = {
    Due.LAPSE: lambda: Lapse(actor="clock", role=Role.CLOCK),
    Due.REMIND: lambda: Remind(actor="clock", role=Role.CLOCK),
    Due.WARN: lambda: Warn(actor="clock", role=Role.CLOCK),
}
"""What the clock does to a grant by itself, without asking anybody."""


class Claimed(NamedTuple):
    """What a claim took on, and whether there may be `more` of it."""

    jobs: list[Job]
    more: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """How one process claims. `owner` is its replica id."""

    owner: str
    provision: Provision
    lease: timedelta = LEASE

    def due(self, pen: Pen, limit: int, busy: tuple[str, ...]) -> Claimed:
        """Ends before grants; rows of providers that are `busy` are left where they are."""
        rows = store.due_grants(pen.conn, ends=True, limit=limit, exclude_providers=busy)
        if len(rows) < limit:
            rest = limit - len(rows)
            rows += store.due_grants(pen.conn, ends=False, limit=rest, exclude_providers=busy)
        pen.hold(rows)
        jobs = (self._take(pen, grant) for grant in rows)
        return Claimed([job for job in jobs if job is not None], more=len(rows) == limit)

    def one(self, pen: Pen, grant_id: str) -> list[Job]:
        """One grant out of turn: what a person is waiting for. Nothing when it is not due."""
        grant = pen.grant(grant_id)
        if grant is None or grant.next_at is None or grant.next_at > pen.now:
            return []
        job = self._take(pen, grant)
        return [] if job is None else [job]

    def _take(self, pen: Pen, grant: Grant) -> Job | None:
        what = due(grant, pen.now)
        if what is None:
            return None
        if grant.held:
            # It was there before us: the adapter is not called again.
            pen.step(grant, End(actor="worker", role=Role.WORKER))
            return None
        if what in AT_ONCE:
            pen.step(grant, AT_ONCE[what]())
            return None
        if what is Due.EXPIRE:
            finish = Finish(actor="clock", role=Role.CLOCK, why=EndReason.EXPIRED)
            grant, what = pen.step(grant, finish), Due.REVOKE
        elif what is Due.GRANT and self._too_late(pen, grant):
            late = _too_late(grant, self.provision.patience(grant))
            grant, what = pen.step(grant, late), Due.REVOKE
        return self._lease(pen, grant, what)

    def _too_late(self, pen: Pen, grant: Grant) -> bool:
        if grant.expires_at is None:
            return False
        begun = grant.expires_at - grant.duration
        return pen.now >= min(begun + self.provision.patience(grant), grant.expires_at)

    def _lease(self, pen: Pen, grant: Grant, what: Due) -> Job:
        until = pen.now + self.lease
        announced = grant.unsure_until
        if what is Due.EXTEND or (what is Due.GRANT and not self.provision.looks_first(grant)):
            # On disk before the call goes out: it may land for as long as the lease runs.
            announced = until
        token = secrets.token_hex(8)
        leased = pen.lease(grant, store.Lease(grant.id, self.owner, token, until, announced))
        return Job(leased, what, token)


def _too_late(grant: Grant, patience: timedelta) -> Fail:
    why = f"not made within {int(patience.total_seconds())} s"
    said = f"{why}: {grant.last_error}" if grant.last_error else why
    return Fail(actor="clock", role=Role.CLOCK, error=said)
