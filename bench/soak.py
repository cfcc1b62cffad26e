"""Lives by the thousand under kills and faults, until the time is up: `make soak`.

    python -m bench soak [--minutes 30] [--seed N] [--on sqlite,postgresql] [--half real,moved]

Two halves on each database, one after the other. `real`: the real bot as a process of its own, with
Slack and a protected PostgreSQL outside, killed at a point of a random number, again and again.
`moved`: the real engine in this process, with a provider that fails in every way and a clock that
is moved; each round ends with a power cut, in which nothing is finished and nothing closed.
After every story and every round the invariants are looked at. Ends at the first violation, with
the seed and the round.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import sql

from bench.moved import rounds
from bot.demo.shop import Shop, open_shop
from bot.observability.logs import configure_logs
from bot.storage.database import parse_url
from bot.storage.schema import upgrade
from sandbox.postgres import EmbeddedPostgres
from tests.conftest import administer
from tests.crash.program import Fate
from tests.crash.stage import nursery, stage
from tests.crash.story import Story

POINTS = 520
"""A whole story passes about so many."""

HALVES = ("real", "moved")


@dataclass
class Tally:
    """What happened in one half on one database."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: str = ""

    def line(self) -> str:
        said = ", ".join(f"{n:,} {name}" for name, n in sorted(self.counts.items()))
        return f"{said or 'nothing'}; violations: {1 if self.wrong else 0}"


def main(words: list[str]) -> int:
    """The exit code: 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for each database")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--on", default="sqlite,postgresql")
    parser.add_argument("--half", default=",".join(HALVES))
    given = parser.parse_args(words)
    halves = given.half.split(",")
    configure_logs("CRITICAL", "console")  # what fails on purpose is no news
    print(f"seed {given.seed}, {given.minutes:g} minutes on each database", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="curfew-soak-") as folder:
        place = Path(folder)
        place.chmod(0o755)  # the servers' own account must come in
        with open_shop(place / "shop") as shop, _server(place / "own") as server:
            for on in given.on.split(","):
                for half in halves:
                    seconds = given.minutes * 60 / len(halves)
                    ground = Ground(place, server, shop, on)
                    tally = _soak(half, ground, seconds, given.seed)
                    print(f"{on}, {half}: {tally.line()}\n{tally.wrong}", flush=True)
                    failed += bool(tally.wrong)
    return 1 if failed else 0


@contextmanager
def _server(folder: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(folder)
    with made:
        yield made


@dataclass
class Ground:
    """Where fresh databases of one kind come from."""

    folder: Path
    server: EmbeddedPostgres
    shop: Shop
    on: str

    @contextmanager
    def database(self) -> Iterator[tuple[str, Path]]:
        """A URL of a fresh database with all tables, and a folder of its own."""
        name = f"soak_{secrets.token_hex(4)}"
        place = self.folder / name
        place.mkdir()
        if self.on == "sqlite":
            url = f"sqlite+aiosqlite:///{place / 'curfew.db'}"
            (place / "curfew.db").touch(mode=0o600)
        else:
            administer(self.server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            url = self.server.dsn(db=name)
        upgrade(parse_url(url))
        try:
            yield url, place
        finally:
            if self.on != "sqlite":
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                administer(self.server, drop)
            # A process that was just killed may still have held a file in it.
            shutil.rmtree(place, ignore_errors=True)


def _soak(half: str, ground: Ground, seconds: float, seed: int) -> Tally:
    tally, until = Tally(), time.monotonic() + seconds
    number = 0
    while time.monotonic() < until and not tally.wrong:
        number += 1
        chance = random.Random(f"{seed} {half} {ground.on} {number}")  # noqa: S311 - to be repeated
        try:
            if half == "real":
                asyncio.run(_stories(ground, chance, tally))
            else:
                with ground.database() as (url, place):
                    asyncio.run(rounds(url, place, chance, tally.counts, until))
        except (AssertionError, TimeoutError, ExceptionGroup) as error:
            tally.wrong = f"seed {seed}, {half} on {ground.on}, round {number}: {error!r} {error}"
    return tally


async def _stories(ground: Ground, chance: random.Random, tally: Tally) -> None:
    """One workspace, both stories, up to four deaths at points of random numbers, and a kill."""
    fates = [Fate(chance.randrange(1, POINTS)) for _ in range(chance.randrange(1, 5))]
    with ground.database() as (url, place):
        async with stage(url, place, ground.shop, nursery()) as here:
            await here.begin(*fates, Fate())
            story = Story(here)
            killing = asyncio.create_task(_kill(here.kill, chance.uniform(0.5, 3.0)))
            await story.revoked()
            await story.expired()
            await killing
            await story.check()
            tally.counts.update(lives=2, kills=len(here.deaths))


async def _kill(kill: Callable[[], None], after: float) -> None:
    await asyncio.sleep(after)
    kill()
