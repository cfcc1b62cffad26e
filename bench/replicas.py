"""The burst with three processes on one PostgreSQL; and again with one of them killed at half."""

from bench.stage import stage
from bench.table import Table, held
from bot.engine.claims import LEASE

PROCESSES = 3


def measure(*, quick: bool) -> Table:
    count = 1_000 if quick else 10_000
    table = Table(
        f"{count:,} ends, three processes on one PostgreSQL",
        (
            "calls at once, each",
            "killed",
            "floor s",
            "bar s",
            "rest s",
            "reached",
            "lost",
            "ended twice",
            "revokes repeated",
        ),
        note="The floor is that of one process: the provider's limit is each process's own."
        " With one killed its claims wait for their lease, or for the next start.",
    )
    for calls, killed in ((32, False), (200, False), (32, True)):
        with stage("postgresql", count, calls, lead=10) as here:
            processes = [here.begin() for _ in range(PROCESSES)]
            due = here.due.timestamp()
            since = due
            if killed:
                here.wait(count // 2)
                since = here.kill(processes[0])
            rest = here.wait(count) - since
            bar = here.floor * 1.15 + 0.5
            if killed:
                bar = LEASE.total_seconds() + 2
            fine = held(rest <= bar)
            table.add(calls, "one" if killed else "none", here.floor, bar, rest, fine)
            table.rows[-1] += (
                *(str(count - here.ended()), str(here.twice()), str(here.repeated())),
            )
    return table
