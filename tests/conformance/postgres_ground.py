"""A real PostgreSQL seen by the eyes of its superuser and of psql."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import AsyncConnection, sql
from pydantic import SecretStr

from adapters.base import Credential, Order, Person
from adapters.conformance import CannotStageError, Door, Ground, Weather
from adapters.postgres import PostgresAdapter, PostgresSettings
from sandbox.postgres import EmbeddedPostgres

ADMIN_PASSWORD = "an-admin's %40 pass/word"
PEOPLE = {"dana": "dana-word", "eli": "eli-word"}

PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "postgres.md"


ROLES = """
    SELECT 'role', r.*::text, d.description FROM pg_authid AS r LEFT JOIN pg_shdescription AS d
    ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass
"""
MEMBERS = """
    SELECT 'member', roleid::regrole::text, member::regrole::text,
    to_jsonb(m) - 'oid' - 'roleid' - 'member' FROM pg_auth_members AS m
"""
DATABASES = "SELECT 'database', datname, datdba::regrole::text, datacl::text FROM pg_database"
CONTENTS = (
    """
    SELECT 'relation', oid::regclass::text, relowner::regrole::text, relacl::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    """,
    "SELECT 'default', to_jsonb(a) - 'oid' FROM pg_default_acl AS a",
)


def documented(major: int) -> str:
    """The SQL that the page gives for the admin role of that version: what is tested is that."""
    heading = "### PostgreSQL 16 and newer" if major >= 16 else "### PostgreSQL 14 and 15"
    section = PAGE.read_text().split(heading, 1)[1]
    statements = section.split("```sql\n", 1)[1].split("```", 1)[0]
    return statements.replace("'a long random password'", sql.Literal(ADMIN_PASSWORD).as_string())


@contextmanager
def server(binaries: Path) -> Iterator[EmbeddedPostgres]:
    """A server with an application's roles, two databases and the least-privileged admin."""
    folder = Path(tempfile.mkdtemp(prefix="curfew-ground-"))
    folder.chmod(0o755)  # the server's own account must come in
    # every statement is logged, so that a test can see that no password is in one
    settings = {"log_statement": "all"}
    made = EmbeddedPostgres(folder / "pg", binaries=binaries, settings=settings).start()
    try:
        with psycopg.connect(made.dsn(), autocommit=True) as root:
            for line in (
                "CREATE ROLE app_readonly; CREATE ROLE app_owner",
                documented(root.info.server_version // 10000),
                "CREATE DATABASE orders OWNER app_owner",
                "CREATE DATABASE stock OWNER app_owner",
                # said, though it is the default: else a right given and taken leaves a trace
                "GRANT CONNECT ON DATABASE orders, stock TO PUBLIC",
            ):
                root.execute(line)
            for name, word in PEOPLE.items():
                root.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(name), sql.Literal(word)
                    )
                )
        for database in ("orders", "stock"):
            with psycopg.connect(made.dsn(db=database), autocommit=True) as root:
                root.execute(
                    "CREATE TABLE orders AS SELECT 7 AS total;"
                    "ALTER TABLE orders OWNER TO app_owner;"
                    "GRANT SELECT ON orders TO app_readonly;"
                    "GRANT CREATE ON SCHEMA public TO app_owner"
                )
        yield made
    finally:
        made.remove()
        shutil.rmtree(folder)


class PostgresDoor(Door):
    def __init__(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        self.connection = connection

    async def is_open(self) -> bool:
        try:
            await self.connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    async def close(self) -> None:
        await self.connection.close()


class PostgresGround(Ground):
    """Resource 0 reads, resource 1 writes; `login` is that of the grant block."""

    def __init__(self, postgres: EmbeddedPostgres, login: str) -> None:
        self.postgres = postgres
        self.login = login
        self.made: list[str] = []

    @property
    def major(self) -> int:
        return int((self.postgres.home / "data" / "PG_VERSION").read_text())

    @property
    def is_existing(self) -> bool:
        return self.login == "existing"

    def connect(self, call_limit: float = 10.0) -> PostgresAdapter:
        dsn = SecretStr(self.postgres.dsn("curfew_admin", ADMIN_PASSWORD))
        return PostgresAdapter("orders-pg", PostgresSettings(dsn=dsn), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        role = ("app_readonly", "app_owner")[number]
        return {"roles": [role], "login": self.login, "database": "orders"}

    def person(self, name: str = "dana") -> Person:
        return replace(super().person(name), names={"postgres": name})

    def nobody(self) -> Person:
        if not self.is_existing:
            raise CannotStageError("a login of its own is made for whoever comes")
        return super().nobody()

    async def root(self, *lines: str | sql.Composable, db: str = "postgres") -> list[str]:
        rows = []
        async with await AsyncConnection.connect(self.postgres.dsn(db=db), autocommit=True) as root:
            for line in lines:
                cursor = await root.execute(line)
                rows += [str(row) for row in await cursor.fetchall()] if cursor.description else []
        return rows

    async def inventory(self) -> frozenset[str]:
        found = await self.root(ROLES, MEMBERS, DATABASES)
        for database in ("orders", "stock"):
            found += [f"{database} {row}" for row in await self.root(*CONTENTS, db=database)]
        return frozenset(found)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """By psql, run as the credential says it; else with the person's own password."""
        if self.is_existing:
            name = order.person.names["postgres"]
            dsn = self.postgres.dsn(name, PEOPLE[name], "orders")
            command = f"psql '{dsn}'"
        elif credential is None:
            return False
        else:
            command = next(s.text for s in credential.snippets if s.label == "psql")
        writes = order.params["roles"] == ["app_owner"]
        query = "UPDATE orders SET total = 7" if writes else "SELECT total FROM orders"
        process = await asyncio.create_subprocess_shell(
            f"{command} -XAtc '{query}'",
            env={**os.environ, "PATH": f"{self.postgres.psql.parent}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate()
        assert process.returncode == 0 or b"FATAL" in said or b"permission denied" in said, said
        return process.returncode == 0 and out.strip() in {b"7", b"UPDATE 1"}

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        assert credential is not None, order.mark
        dsn = next(s.text for s in credential.snippets if s.label == "DSN")
        return PostgresDoor(await AsyncConnection.connect(dsn, autocommit=True))

    def _held(self, verb: str, order: Order) -> sql.Composable:
        line = "GRANT {} TO {}" if verb == "GRANT" else "REVOKE {} FROM {}"
        names = (str(order.params["roles"][0]), order.person.names["postgres"])
        return sql.SQL(line).format(*map(sql.Identifier, names))

    async def hold(self, order: Order) -> None:
        await self.root(self._held("GRANT", order))

    async def release(self, order: Order) -> None:
        await self.root(self._held("REVOKE", order))

    async def take_away(self, order: Order) -> None:
        names = order.person.names["postgres"] if self.is_existing else order.mark_underscored
        line = "REVOKE {} FROM {}" + (" GRANTED BY curfew_admin" if self.major >= 16 else "")
        role = sql.Identifier(str(order.params["roles"][0]))
        await self.root(sql.SQL(line).format(role, sql.Identifier(names)))

    async def make_role(self, name: str) -> None:
        self.made.append(name)
        await self.root(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))

    async def disguise(self) -> None:
        for name in (
            "curfew_abcdefgh012",
            "xcurfew_abcdefgh0123",
            "curfew_ABCDEFGH0123",
            "curfew_",
        ):
            await self.make_role(name)

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        if not self.is_existing:
            return order
        await self.make_role(text)
        return replace(order, person=replace(order.person, names={"orders-pg": text}))

    def secrets(self) -> tuple[str, ...]:
        return (ADMIN_PASSWORD, self.postgres.dsn("curfew_admin", ADMIN_PASSWORD))

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        if kind is Weather.FORBIDDEN and self.is_existing and self.major >= 16:
            raise CannotStageError("taking the admin's right away takes away what it has given")
        password = sql.Literal(ADMIN_PASSWORD)
        ill, well = {
            Weather.CROWDED: ("CONNECTION LIMIT 0", sql.SQL("CONNECTION LIMIT -1")),
            Weather.FORBIDDEN: ("NOCREATEROLE", sql.SQL("CREATEROLE")),
            Weather.LOCKED: ("PASSWORD 'another'", sql.SQL("PASSWORD {}").format(password)),
        }.get(kind, ("", sql.SQL("")))
        try:
            if kind is Weather.DOWN:
                await asyncio.to_thread(self.postgres.stop)
            elif kind is Weather.SILENT:
                self.postgres.freeze()
            else:
                await self.root(f"ALTER ROLE curfew_admin {ill}")
            yield
        finally:
            if kind is Weather.DOWN:
                await asyncio.to_thread(self.postgres.start)
            elif kind is Weather.SILENT:
                self.postgres.thaw()
            else:
                await self.root(sql.SQL("ALTER ROLE curfew_admin {}").format(well))

    async def clear(self) -> None:
        for name in self.made:
            await self.root(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
