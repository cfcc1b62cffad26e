"""Bringing the tables up to date, and refusing those that this program does not know.

Upgrades run whole or not at all, one process at a time: under an advisory lock on PostgreSQL,
under a file lock on SQLite. There is no way back: restore a backup for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.storage import files, postgresql, writer
from bot.storage.errors import SchemaError
from bot.storage.presence import LOCK_CLASS, UPGRADE_LOCK
from bot.storage.sqlite import writing_engine

HEAD: Final = "0004"
"""The newest migration. Stands here so that a start up to date need not load Alembic."""

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""All migrations, oldest first."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def revision(conn: Connection) -> str | None:
    """What the tables are at; None when there are none of ours."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def require_current(conn: Connection) -> None:
    """SchemaError unless the tables are exactly those of this program."""
    found = revision(conn)
    if found == HEAD:
        return
    if found is None:
        raise SchemaError(
            "The database has no tables of Curfew yet.",
            hint="Start the bot once, or run `curfew db upgrade`.",
        )
    _refuse_newer(found)
    raise SchemaError(
        f"The database is older than this program ({found}, wanted {HEAD}).",
        hint="Back it up, then run `curfew db upgrade`.",
    )


def _refuse_newer(found: str) -> None:
    if found not in REVISIONS:
        raise SchemaError(
            f"The database was made by a newer Curfew ({found}, this one knows {HEAD}).",
            hint="Install that version again, or restore the backup made before the upgrade.",
        )


def upgrade(url: URL) -> bool:
    """Brings the tables to HEAD; false when they were there. Blocks: not for the event loop.

    May be called by any number of processes at once. Raises SchemaError when the database is
    newer than the program, and what `Database.open` raises when it cannot be used.
    """
    sqlite = url.get_backend_name() == "sqlite"
    engine = writing_engine(Path(url.database or "")) if sqlite else _postgres_engine(url)
    try:
        with _alone(engine, url) as conn:
            found = revision(conn)
            if found == HEAD:
                return False
            if found is not None:
                _refuse_newer(found)
            _run(conn)
            return True
    except DBAPIError as error:
        told = writer.translated(error) if sqlite else postgresql.translated(error)
        raise told from error
    finally:
        engine.dispose()


def _postgres_engine(url: URL) -> Engine:
    # An upgrade of a big table may take longer than a transaction of the bot is ever allowed to.
    arguments = postgresql.connect_arguments(url)
    arguments["options"] = f"{arguments['options']} -c statement_timeout=0 -c lock_timeout=0"
    return create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)


@contextmanager
def _alone(engine: Engine, url: URL) -> Iterator[Connection]:
    """One transaction that no other upgrade runs beside."""
    if engine.dialect.name == "sqlite":
        with files.turn(Path(url.database or "")), engine.begin() as conn:
            yield conn
        return
    with engine.begin() as conn:
        conn.execute(
            text("SELECT pg_advisory_xact_lock(:class, :lock)"),
            {"class": LOCK_CLASS, "lock": UPGRADE_LOCK},
        )
        yield conn


def _run(conn: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 100 ms that only an upgrade should pay
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = conn
    command.upgrade(config, HEAD)
