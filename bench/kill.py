"""kill -9 in the middle of a burst, and a restart at once: what is lost, what is done again."""

from bench.stage import stage
from bench.table import Table, say


def measure(*, quick: bool) -> Table:
    count, calls = (1_000, 32) if quick else (10_000, 32)
    table = Table(
        f"kill -9 at half of {count:,} ends, {calls} calls at once, restarted at once",
        (
            "database",
            "ended at the kill",
            "at rest after s",
            "remaining work s",
            "bar s",
            "reached",
            "lost",
            "ended twice",
            "revokes repeated",
        ),
        note="A repeated revoke is harmless: the adapter's promise. Remaining work is what was"
        " left at the kill, at the floor; the bar is that and 15 % more, and 5 s.",
    )
    for on in ("sqlite", "postgresql"):
        say(on)
        with stage(on, count, calls) as here:
            first = here.begin()
            here.wait(count // 2)
            killed = here.kill(first)
            done = here.ended()
            here.begin()
            rest = here.wait(count) - killed
            left = here.floor * (count - done) / count
            lost, twice, bar = count - here.ended(), here.twice(), left * 1.15 + 5
            what = f"kill -9, {on}"
            reached = table.bar(f"{what}: at rest after, s", rest, bar, fine=rest <= bar)
            said = f"{lost}, {twice}"
            table.bar(f"{what}: lost, ended twice", said, "0, 0", fine=not lost + twice)
            table.add(on, done, rest, left, bar, reached, lost, twice, here.repeated())
    return table
