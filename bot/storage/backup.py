"""A consistent copy of the database, while it is being used."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from bot.storage.database import parse_url
from bot.storage.errors import UnusableError


def back_up(url: str, target: Path) -> int:
    """Copies an SQLite database into a new file; gives its size in bytes. Blocks.

    The copy is one state, whatever is written meanwhile, and appears under its name only when it
    is whole and on disk. On PostgreSQL, UnusableError names the program that does it.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        shown = URL.create(
            "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database
        )
        raise UnusableError(
            "Curfew copies only SQLite databases itself.",
            hint=f"Run `pg_dump --format=custom --file={target} '{shown.render_as_string()}'`.",
        )
    source = Path(parsed.database or "")
    if not source.is_file():
        raise UnusableError(f"There is no database at {source}.", hint="Correct DATABASE_URL.")
    if target.exists():
        raise UnusableError(f"There is a file already: {target}.", hint="Name a new one.")
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        _copy(source, unfinished)
        os.link(unfinished, target)  # unlike a rename it never replaces what appeared meanwhile
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise UnusableError(
            f"The copy could not be written: {getattr(error, 'strerror', None) or error}.",
            hint="Is the directory there, is there room, and may it be written?",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(source, isolation_level=None)) as conn:
        conn.execute("VACUUM INTO ?", (str(target),))
    _sync(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
