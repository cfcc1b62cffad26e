"""Real processes on one database: started, watched from outside, killed."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from bench.scene import LATENCY, database_urls, fill, grants
from bot.storage.database import Database

ENDED = text("SELECT count(*) FROM grants WHERE state = 'ended'")
TWICE = text(
    "SELECT count(*) FROM (SELECT grant_id FROM events WHERE kind = 'grant.ended'"
    " GROUP BY grant_id HAVING count(*) > 1) AS twice"
)
PATIENCE = 240.0


@dataclass
class Stage:
    """A database full of grants due at `due`, and the processes that work on it."""

    url: str
    count: int
    calls: int
    due: datetime
    provider: Path
    looking: Engine
    running: list[subprocess.Popen[bytes]]

    def begin(self, rival: str | None = None) -> subprocess.Popen[bytes]:
        """A process that works: Curfew's engine, or a job library."""
        words = ["bench.child", *self._words()]
        if rival is not None:
            words = ["bench.rival", rival, "work", *self._words()]
        self.running.append(subprocess.Popen([sys.executable, "-m", *words]))  # noqa: S603 - ourselves
        return self.running[-1]

    def enqueue(self, rival: str) -> float:
        """A job for each grant; seconds that it took."""
        began = time.time()
        words = ["bench.rival", rival, "enqueue", *self._words()]
        subprocess.run([sys.executable, "-m", *words], check=True)  # noqa: S603 - as above
        return time.time() - began

    def _words(self) -> list[str]:
        return [self.url, str(self.calls), str(self.provider), self.due.isoformat()]

    def held(self) -> float:
        """The longest time in ms for which a process that has ended by itself held its loop."""
        for process in self.running:
            process.wait(PATIENCE)
        lines = self.provider.with_suffix(".held").read_text().splitlines()
        return max(map(float, lines))

    def kill(self, which: subprocess.Popen[bytes]) -> float:
        """Kill -9; the time of it."""
        which.kill()
        which.wait()
        return time.time()

    def ended(self) -> int:
        with self.looking.connect() as conn:
            return int(conn.execute(ENDED).scalar_one())

    def wait(self, wanted: int) -> float:
        """Until so many have ended; the time of it."""
        began = time.time()
        while self.ended() < wanted and time.time() - began < PATIENCE:
            time.sleep(0.05)
        return time.time()

    def twice(self) -> int:
        """Grants that the log says ended more than once."""
        with self.looking.connect() as conn:
            return int(conn.execute(TWICE).scalar_one())

    def repeated(self) -> int:
        """Revokes that the provider was asked for again."""
        lines = self.provider.read_text().splitlines()
        return sum(number - 1 for number in Counter(line.split()[0] for line in lines).values())

    @property
    def floor(self) -> float:
        return self.count * 2 * LATENCY / self.calls


@contextmanager
def stage(on: str, count: int, calls: int, *, lead: float = 6.0) -> Iterator[Stage]:
    """`lead` seconds are left between the filling and the moment when all fall due."""
    with database_urls([on]) as urls, tempfile.TemporaryDirectory() as folder:
        url = urls[on]
        due = asyncio.run(_fill(url, count, lead))
        plain = url.replace("+aiosqlite", "").replace("postgresql://", "postgresql+psycopg://")
        looking = create_engine(plain)
        here = Stage(url, count, calls, due, Path(folder) / "provider", looking, [])
        here.provider.touch()
        try:
            yield here
        finally:
            for process in here.running:
                process.kill()
                process.wait()
            looking.dispose()


async def _fill(url: str, count: int, lead: float) -> datetime:
    async with await Database.open(url, exclusive=True, migrate=True) as database:
        due = datetime.now(UTC) + timedelta(seconds=lead + count / 1500)
        await fill(database, grants(count, due))
    return due
