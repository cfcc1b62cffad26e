"""The demo's database: a real PostgreSQL with a shop's orders and a least-privileged admin role."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from sandbox.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from psycopg.abc import QueryNoTemplate

ADMIN: Final = "curfew_admin"
DATABASE: Final = "orders"
CONTENTS: Final = Path(__file__).with_name("shop.sql")


@dataclass(frozen=True, slots=True)
class Shop:
    """Where it is. `admin_dsn` holds a password; `psql` is the client of the same version."""

    admin_dsn: str = field(repr=False)
    psql: Path
    server: EmbeddedPostgres = field(repr=False)


@contextmanager
def open_shop(directory: Path) -> Iterator[Shop]:
    """A running database, stopped at the end. What was changed in it is still there next time.

    Blocks. Raises `EmbeddedPostgresError` where no PostgreSQL can be started.
    """
    server = EmbeddedPostgres(directory)
    with server:
        password = secrets.token_urlsafe(24)
        with psycopg.connect(server.dsn(), autocommit=True) as root:
            if not _has(root, "pg_database", "datname", DATABASE):
                _fill(server, root)
            _admit(root, password)
        yield Shop(server.dsn(ADMIN, password), server.psql, server)


def _fill(server: EmbeddedPostgres, root: psycopg.Connection) -> None:
    """The database appears under its name when it is whole."""
    unfinished = sql.Identifier(f"{DATABASE}_unfinished")
    root.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(unfinished))
    for role in ("app_readonly", "app_owner"):
        root.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
    root.execute(sql.SQL("CREATE DATABASE {}").format(unfinished))
    with psycopg.connect(server.dsn(db=f"{DATABASE}_unfinished")) as shop:
        # Several statements at once go without parameters only.
        shop.execute(CONTENTS.read_bytes())
    name = sql.Identifier(DATABASE)
    root.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(unfinished, name))


def _admit(root: psycopg.Connection, password: str) -> None:
    """The role that the bot uses, with the rights of docs/adapters/postgres.md and no others."""
    admin = sql.Identifier(ADMIN)
    verb = "ALTER" if _has(root, "pg_roles", "rolname", ADMIN) else "CREATE"
    statement: QueryNoTemplate = sql.SQL(verb + " ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
        admin, sql.Literal(password)
    )
    root.execute(statement)
    root.execute(
        sql.SQL(
            "GRANT app_readonly, app_owner TO {} WITH ADMIN TRUE, INHERIT TRUE, SET TRUE"
        ).format(admin)
    )


def _has(root: psycopg.Connection, table: str, column: str, name: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    return root.execute(query, (name,)).fetchone() is not None
