"""The burst through job libraries that record the same rows, and a kill -9 in the middle of each.

All on PostgreSQL. A library's worker is started before the grants fall due, as Curfew is.
"""

import time

from bench.stage import Stage, stage
from bench.table import Table, say

NAMES = ("Curfew", "APScheduler", "procrastinate", "pgqueuer")


def measure(*, quick: bool) -> Table:
    count, calls, patience = (500, 32, 20.0) if quick else (2_000, 32, 75.0)
    # Seconds to put the jobs in before they fall due: for APScheduler a transaction each.
    leads = {"APScheduler": 3 + count / 90}
    table = Table(
        f"{count:,} ends on PostgreSQL, {calls} calls at once, the same rows recorded",
        (
            *("by", "a job for each s", "floor s", "rest s", "loop held ms"),
            "after a kill -9 at half: at rest s",
            *("never ended", "revokes repeated"),
        ),
        note="APScheduler 3: date jobs in its SQLAlchemy store, no misfire limit. procrastinate:"
        " polling each second. pgqueuer: asyncpg, batches of half the calls. Nothing was added to"
        f" them. “never”: not within {patience:.0f} s of the restart.",
    )
    for name in NAMES:
        say(name)
        rival = None if name == "Curfew" else name
        lead = leads.get(name, 6.0)
        with stage("postgresql", count, calls, lead=lead) as here:
            made = here.enqueue(rival) if rival else 0.0
            here.begin(rival)
            rest = here.wait(count) - here.due.timestamp()
            floor, held = here.floor, here.held()
        with stage("postgresql", count, calls, lead=lead) as here:
            if rival:
                here.enqueue(rival)
            killed = _killed(here, rival, patience)
        table.add(name, made or "-", floor, rest, held, *killed)
    return table


def _killed(here: Stage, rival: str | None, patience: float) -> tuple[object, ...]:
    first = here.begin(rival)
    here.wait(here.count // 2)
    killed = here.kill(first)
    here.begin(rival)
    while here.ended() < here.count and time.time() - killed < patience:
        time.sleep(0.1)
    rest = time.time() - killed
    lost = here.count - here.ended()
    return ("never" if lost else rest), lost, here.repeated()
