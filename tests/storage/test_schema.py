"""Migrations: one result, made once, and a clear no to what is not known."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.storage import schema
from bot.storage.database import Database, parse_url
from bot.storage.errors import SchemaError
from bot.storage.schema import HEAD, MIGRATIONS, REVISIONS, upgrade
from bot.storage.tables import metadata
from tests.storage.engines import plain_engine

SQLITE_SHAPE = """
    SELECT type, name, tbl_name, sql FROM sqlite_master
    WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'alembic_version' AND type <> 'trigger'
    ORDER BY type, name
"""
POSTGRESQL_SHAPE = """
    SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    UNION ALL
    SELECT 'column', table_name, column_name, concat_ws(' ', data_type, is_nullable)
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    ORDER BY 1, 2, 3
"""


def shape(conn: Connection) -> list[tuple[str, ...]]:
    """All tables, columns, constraints and indexes, as the database itself tells them."""
    query = SQLITE_SHAPE if conn.dialect.name == "sqlite" else POSTGRESQL_SHAPE
    rows = conn.execute(text(query)).all()
    return [tuple(" ".join(str(part).replace(",", ", ").split()) for part in row) for row in rows]


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    path = tmp_path / "empty.db"
    path.touch()
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_migrations_make_what_the_tables_say(request: pytest.FixtureRequest, kind: str) -> None:
    """A migrated database is, to the index clause and check, the one of `tables.py`."""
    with plain_engine(request.getfixturevalue(f"empty_{kind}_url")).begin() as conn:
        metadata.create_all(conn)
        wanted = shape(conn)
    with plain_engine(request.getfixturevalue(f"{kind}_url")).connect() as conn:
        found = shape(conn)
        differences = compare_metadata(MigrationContext.configure(conn), metadata)
    assert differences == []
    kinds = {row[0] for row in wanted}
    assert len(kinds) > 1
    assert sorted(normal(found)) == sorted(normal(wanted))


def normal(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """SQLite keeps CREATE TABLE as it was typed: the order of its constraints says nothing."""
    return [(*row[:3], *sorted(part.strip(" )") for part in row[3].split(", "))) for row in rows]


def test_head_is_the_newest_migration() -> None:
    """The revision that a start compares with is the end of the migrations, in their order."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_current_head() == HEAD == REVISIONS[-1]
    order = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(order)) == REVISIONS


def test_ten_at_once(empty_url: str) -> None:
    """Of ten processes that start together exactly one migrates, and none fails."""
    url = parse_url(empty_url)
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda _: upgrade(url), range(10)))
    assert sorted(results) == [False] * 9 + [True]


def test_an_upgrade_that_fails_leaves_nothing(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is none: the next attempt starts from the same state and succeeds."""

    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    url = parse_url(empty_url)
    with monkeypatch.context() as patch:
        # Alembic's own last step, after all statements of the migration have run.
        patch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            upgrade(url)
    with plain_engine(empty_url).connect() as conn:
        assert schema.revision(conn) is None
        assert [row for row in shape(conn) if "grants" in row] == []
    assert upgrade(url)


async def test_a_newer_database_is_refused(database_url: str) -> None:
    """A program from before the last upgrade keeps its hands off, whatever it was asked for."""
    with plain_engine(database_url).begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for migrate in (False, True):
        with pytest.raises(SchemaError, match="newer Curfew") as caught:
            await Database.open(database_url, migrate=migrate)
        assert "Install that version" in caught.value.hint


async def test_an_older_database_is_told_how_to_go_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened without migrating, an older database is refused with the command that helps."""
    monkeypatch.setattr(schema, "HEAD", "9999")
    with pytest.raises(SchemaError, match="older than this program") as caught:
        await Database.open(database_url)
    assert "curfew db upgrade" in caught.value.hint


async def test_no_tables_yet(empty_url: str) -> None:
    """An empty database is no error to `migrate`, and a clear one to everything else."""
    with pytest.raises(SchemaError, match="no tables"):
        await Database.open(empty_url)
    async with await Database.open(empty_url, migrate=True) as database:
        await database.ping()
