"""The burst with three processes on one PostgreSQL; and again with one of them killed at half."""

from bench.stage import stage
from bench.table import Table, say
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
        say(f"{calls} calls at once{', one killed' if killed else ''}")
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
            lost, twice = count - here.ended(), here.twice()
            who = "one killed" if killed else "none killed"
            what = f"three processes, {calls} at once, {who}"
            reached = table.bar(f"{what}: at rest, s", rest, bar, fine=rest <= bar)
            said = f"{lost}, {twice}"
            table.bar(f"{what}: lost, ended twice", said, "0, 0", fine=not lost + twice)
            table.add(
                *(calls, "one" if killed else "none", here.floor, bar, rest, reached),
                *(lost, twice, here.repeated()),
            )
    return table
