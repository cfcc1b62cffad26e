"""What a soak stands on: servers of its own, fresh databases, and what goes wrong with them."""

import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from psycopg import sql

from bot.storage.database import parse_url
from bot.storage.schema import upgrade
from sandbox.postgres import EmbeddedPostgres
from tests.conftest import administer

Trouble = Callable[[], None]
"""Something that goes wrong and is over when it returns. Blocks."""


@dataclass(frozen=True, slots=True)
class Field:
    """One fresh database of the bot's, with all tables, and a folder of its own."""

    url: str
    folder: Path
    server: EmbeddedPostgres | None
    name: str

    def troubles(self, chance: Random) -> list[tuple[str, Trouble]]:
        """What can go wrong with this database, by name."""
        if self.server is None:
            return [("database locked", lambda: self._lock(chance.uniform(0.1, 1.5)))]
        server = self.server
        return [
            ("database crash", lambda: server.restart("immediate")),
            ("database frozen", lambda: freeze(server, chance.uniform(0.1, 1.5))),
            ("database cut", lambda: cut(server, self.name)),
        ]

    def _lock(self, seconds: float) -> None:
        """Another program writes for so long."""
        path = self.folder / "curfew.db"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            other.execute("ROLLBACK")


def freeze(server: EmbeddedPostgres, seconds: float) -> None:
    """No answer for so long."""
    server.freeze()
    try:
        time.sleep(seconds)
    finally:
        server.thaw()


CUT: Final = sql.SQL(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = {} AND pid <> pg_backend_pid()"
)


def cut(server: EmbeddedPostgres, database: str) -> None:
    """Every connection to that database ends."""
    administer(server, CUT.format(sql.Literal(database)))


@dataclass(frozen=True, slots=True)
class Ground:
    """Where fresh fields come from. `server` is None for SQLite."""

    folder: Path
    server: EmbeddedPostgres | None

    @contextmanager
    def field(self) -> Iterator[Field]:
        """Gone at the end, with everything in it."""
        name = f"soak_{secrets.token_hex(4)}"
        place = self.folder / name
        place.mkdir()
        if self.server is None:
            url = f"sqlite+aiosqlite:///{place / 'curfew.db'}"
            (place / "curfew.db").touch(mode=0o600)
        else:
            administer(self.server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            url = self.server.dsn(db=name)
        upgrade(parse_url(url))
        try:
            yield Field(url, place, self.server, name)
        finally:
            if self.server is not None:
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                administer(self.server, drop)
            # A process that was just killed may still have held a file in it.
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def ground(on: str) -> Iterator[Ground]:
    """A folder, and for `postgresql` a server, that are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="curfew-soak-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o755)  # the servers' own account must come in
        if on == "sqlite":
            yield Ground(place, None)
            return
        with EmbeddedPostgres(place / "own") as server:
            yield Ground(place, server)
