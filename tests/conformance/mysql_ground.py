"""A real MariaDB seen by the eyes of its superuser and of the mariadb client."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pymysql
from pydantic import SecretStr

from adapters.base import Credential, Order, Person
from adapters.conformance import Door, Ground, Weather
from adapters.mysql import MysqlAdapter, MysqlSettings
from tests.conformance.mariadb import MariaDB, mariadb_server

ADMIN_PASSWORD = "an-admin's %40 pass/word"
PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "mysql.md"

ACCOUNTS = (
    "SELECT 'account', User, Host, JSON_VALUE(Priv, '$.account_locked') <=> '1',"
    " JSON_REMOVE(Priv, '$.password_last_changed', '$.account_locked') FROM mysql.global_priv"
)
ROLES = "SELECT 'role', r.* FROM mysql.roles_mapping AS r"
DATABASES = "SELECT 'database', d.* FROM mysql.db AS d"
TABLES = "SELECT 'table', Host, Db, User, Table_name, Table_priv FROM mysql.tables_priv"
OTHERS = (
    "SELECT 'columns', c.* FROM mysql.columns_priv AS c",
    "SELECT 'routines', Host, Db, User, Routine_name, Proc_priv FROM mysql.procs_priv",
    "SELECT 'schema', SCHEMA_NAME FROM information_schema.SCHEMATA",
)


def documented() -> list[str]:
    """The SQL that the page gives for the admin account: what is tested is that."""
    section = PAGE.read_text().split("## What the admin account needs", 1)[1]
    text = section.split("```sql\n", 1)[1].split("```", 1)[0]
    quoted = ADMIN_PASSWORD.replace("'", "''")
    lines = text.replace("a long random password", quoted).replace("\n", " ").split(";")
    return [line.strip() for line in lines if line.strip()]


@contextmanager
def furnished() -> Iterator[MariaDB]:
    """A server with two databases, an application's role and the least-privileged admin."""
    with mariadb_server() as server:
        server.root(
            "CREATE DATABASE shop",
            "CREATE DATABASE shop_eu",
            "CREATE DATABASE shopXeu",  # what `shop_eu` means to GRANT unless it is escaped
            *(
                f"CREATE TABLE {name}.orders AS SELECT 7 AS total"
                for name in ("shop", "shop_eu", "shopXeu")
            ),
            "CREATE ROLE app_readonly",
            "GRANT SELECT ON shop.* TO app_readonly",
            *documented(),
        )
        yield server


class MysqlDoor(Door):
    def __init__(self, connection: pymysql.Connection) -> None:
        self.connection = connection

    async def is_open(self) -> bool:
        try:
            await asyncio.to_thread(self.connection.query, "SELECT 1")
        except pymysql.MySQLError:
            return False
        return True

    async def close(self) -> None:
        if self.connection.open:
            self.connection.close()


class MysqlGround(Ground):
    """Resource 0 reads by a role, resource 1 writes by rights on one database."""

    def __init__(self, server: MariaDB) -> None:
        self.server = server
        self.made: list[str] = []

    def settings(self, **extra: object) -> MysqlSettings:
        return MysqlSettings.model_validate(
            {
                "host": "127.0.0.1",
                "port": self.server.port,
                "user": "curfew_admin",
                "password": SecretStr(ADMIN_PASSWORD),
                "ca": str(self.server.authority.path),
                **extra,
            }
        )

    def connect(self, call_limit: float = 10.0) -> MysqlAdapter:
        return MysqlAdapter("shop-db", self.settings(), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        if number == 0:
            return {"role": "app_readonly", "database": "shop"}
        return {"rights": {"shop_eu.*": ["SELECT", "UPDATE"]}, "database": "shop_eu"}

    async def root(self, *lines: str) -> list[tuple[object, ...]]:
        return await asyncio.to_thread(self.server.root, *lines)

    async def inventory(self) -> frozenset[str]:
        rows = []
        for query in (ACCOUNTS, ROLES, DATABASES, TABLES, *OTHERS):
            rows += await self.root(query)
        return frozenset(map(repr, rows))

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """By the client program, run as the credential says it."""
        if credential is None:
            return False
        command = next(s.text for s in credential.snippets if s.label == "mysql")
        writes = "rights" in order.params
        query = "UPDATE orders SET total = 7" if writes else "SELECT total FROM orders"
        trust = f"--ssl-ca={self.server.authority.path}"
        process = await asyncio.create_subprocess_shell(
            f"{command.replace(' mysql ', ' mariadb --no-defaults ')} {trust} -BNe '{query}'",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate()
        assert process.returncode == 0 or b"denied" in said or b"locked" in said, said
        return process.returncode == 0 and out.strip() == (b"" if writes else b"7")

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        assert credential is not None, order.mark
        return MysqlDoor(await asyncio.to_thread(self.open, *login(credential)))

    def open(self, name: str, word: str, **options: bool) -> pymysql.Connection:
        """A connection of somebody; with TLS unless the options say otherwise."""
        tls = options or {"ssl_ca": str(self.server.authority.path)}
        port = self.server.port
        return pymysql.connect(host="127.0.0.1", port=port, user=name, password=word, **tls)

    async def hold(self, order: Order) -> None:
        who = f"{order.person.names['mysql']}@'%'"
        await self.root(
            f"CREATE USER {who} IDENTIFIED BY 'word'",
            f"GRANT app_readonly TO {who}",
            f"GRANT SELECT, UPDATE ON `shop\\_eu`.* TO {who}",
        )

    async def release(self, order: Order) -> None:
        await self.root(f"DROP USER {order.person.names['mysql']}@'%'")

    def person(self, name: str = "dana") -> Person:
        return replace(super().person(name), names={"mysql": name})

    async def take_away(self, order: Order) -> None:
        who = f"'{order.mark_underscored}'@'%'"
        if "rights" in order.params:
            await self.root(f"REVOKE UPDATE ON `shop\\_eu`.* FROM {who}")
        else:
            await self.root(f"REVOKE app_readonly FROM {who}")

    async def disguise(self) -> None:
        for name in (
            "curfew_abcdefgh012",
            "xcurfew_abcdefgh0123",
            "curfew_ABCDEFGH0123",
            "curfew_",
        ):
            self.made.append(name)
            await self.root(f"CREATE USER '{name}'@'%'")

    def secrets(self) -> tuple[str, ...]:
        return (ADMIN_PASSWORD,)

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        admin, word = "curfew_admin@'%'", ADMIN_PASSWORD.replace("'", "''")
        ill, well = {
            Weather.CROWDED: (
                f"ALTER USER {admin} WITH MAX_USER_CONNECTIONS 1",
                f"ALTER USER {admin} WITH MAX_USER_CONNECTIONS 0",
            ),
            Weather.FORBIDDEN: (
                f"REVOKE CREATE USER ON *.* FROM {admin}",
                f"GRANT CREATE USER ON *.* TO {admin}",
            ),
            Weather.LOCKED: (
                f"ALTER USER {admin} IDENTIFIED BY 'another'",
                f"ALTER USER {admin} IDENTIFIED BY '{word}'",
            ),
        }.get(kind, ("", ""))
        others = ExitStack()
        try:
            if kind is Weather.DOWN:
                await asyncio.to_thread(self.server.stop)
            elif kind is Weather.SILENT:
                self.server.freeze()
            else:
                await self.root(ill)
                if kind is Weather.CROWDED:  # by the adapter of the test, or by this
                    with suppress(pymysql.MySQLError):
                        others.enter_context(self.open("curfew_admin", ADMIN_PASSWORD))
                if kind is Weather.FORBIDDEN:  # open connections keep the rights that they had
                    await self.root("KILL USER curfew_admin")
            yield
        finally:
            others.close()
            if kind is Weather.DOWN:
                await asyncio.to_thread(self.server.start)
            elif kind is Weather.SILENT:
                self.server.thaw()
            else:
                await self.root(well)

    async def clear(self) -> None:
        for name in self.made:
            await self.root(f"DROP USER IF EXISTS '{name}'@'%'")


def login(credential: Credential) -> tuple[str, str]:
    """Name and password as the URL has them."""
    url = next(s.text for s in credential.snippets if s.label == "URL")
    name, _, word = url.removeprefix("mysql://").partition("@")[0].partition(":")
    return name, word
