"""Adapters beside their clients: the servers that Debian's packages bring, and the files of ssh."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import aiomysql
import ldap3
import psycopg
from ldap3 import MODIFY_ADD, MODIFY_DELETE
from pydantic import SecretStr

from adapters.base import Adapter, Order, Person
from adapters.conformance import fresh_id
from adapters.ldap import LdapAdapter
from adapters.mysql import MysqlAdapter
from adapters.postgres import PostgresAdapter, PostgresSettings
from adapters.ssh import SshAdapter, SshSettings
from bench.ring import CROWD, Ring
from sandbox.postgres import wheel_binaries
from tests.conformance import ldap_ground, mysql_ground, postgres_ground
from tests.conformance.slapd import ROOT, ROOT_PASSWORD, SUFFIX
from tests.ssh_host import make_key


@asynccontextmanager
async def _postgres() -> AsyncIterator[Ring]:
    with postgres_ground.server(wheel_binaries()) as server:
        ground = postgres_ground.PostgresGround(server, "temporary")
        dsn = server.dsn("curfew_admin", postgres_ground.ADMIN_PASSWORD)
        bare = await psycopg.AsyncConnection.connect(dsn, autocommit=True)

        async def give(order: Order) -> None:
            name, until = order.mark_underscored, order.expires_at.isoformat()
            await bare.execute(f"CREATE ROLE {name} LOGIN INHERIT VALID UNTIL '{until}'".encode())
            await bare.execute(f"COMMENT ON ROLE {name} IS 'resource'".encode())
            await bare.execute(f"GRANT app_readonly TO {name}".encode())
            own = f"GRANT {name} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE"
            await bare.execute(own.encode())

        async def take(order: Order) -> None:
            name = order.mark_underscored
            await bare.execute(f"ALTER ROLE {name} NOLOGIN PASSWORD NULL".encode())
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
            await bare.execute(end, [name])
            await bare.execute(f"REASSIGN OWNED BY {name} TO app_readonly".encode())
            await bare.execute(f"DROP OWNED BY {name}".encode())
            await bare.execute(f"DROP ROLE {name}".encode())

        def adapter(port: int) -> Adapter:
            there = SecretStr(dsn.replace(f":{server.port}/", f":{port}/"))
            return PostgresAdapter("bench", PostgresSettings(dsn=there))

        yield Ring(server.port, adapter, lambda _: ground.order(), give, take, (1, 2))
        await bare.close()


@asynccontextmanager
async def _mysql() -> AsyncIterator[Ring]:
    with mysql_ground.furnished() as server:
        ground = mysql_ground.MysqlGround(server)
        settings = ground.settings()
        bare = await aiomysql.connect(
            host="127.0.0.1",
            port=server.port,
            user=settings.user,
            password=settings.password.get_secret_value(),
            ssl=server.authority.trusting(),
            autocommit=True,
        )

        async def give(order: Order) -> None:
            who = f"'{order.mark_underscored}'@'%'"
            never = "IDENTIFIED VIA mysql_native_password USING 'invalid' REQUIRE SSL"
            await bare.query(f"CREATE USER {who} {never}")
            await bare.query(f"GRANT app_readonly TO {who}")
            await bare.query(f"SET DEFAULT ROLE app_readonly FOR {who}")

        async def take(order: Order) -> None:
            name = order.mark_underscored
            await bare.query(f"ALTER USER '{name}'@'%' ACCOUNT LOCK")
            await bare.query(f"KILL USER '{name}'")
            await bare.query(f"DROP USER '{name}'@'%'")

        def adapter(port: int) -> Adapter:
            return MysqlAdapter("bench", ground.settings(port=port))

        yield Ring(server.port, adapter, lambda _: ground.order(), give, take, (1, 2))
        await bare.ensure_closed()


@asynccontextmanager
async def _ldap() -> AsyncIterator[Ring]:
    with ldap_ground.furnished() as server:
        ground = ldap_ground.LdapGround(server)
        for number in range(CROWD):
            ldap_ground.person(server, f"u{number}")
        group = f"cn=dba,ou=groups,{SUFFIX}"
        bare = ldap3.Connection(
            ldap3.Server(server.plain, get_info=ldap3.NONE), ROOT, ROOT_PASSWORD, auto_bind=True
        )

        def found(order: Order) -> str:
            wanted = f"(&(objectClass=*)(cn={order.person.names['ldap']}))"
            bare.search(f"ou=people,{SUFFIX}", wanted, attributes=[ldap3.NO_ATTRIBUTES])
            return str(bare.response[0]["dn"])

        def change(order: Order, verb: str) -> None:
            who = found(order)
            both = {"member": [(verb, [who])], "description": [(verb, [f"{order.mark} {who}"])]}
            bare.modify(group, both)

        # the library blocks, so a program with a loop has to call it in a thread
        async def give(order: Order) -> None:
            await asyncio.to_thread(change, order, MODIFY_ADD)

        async def take(order: Order) -> None:
            await asyncio.to_thread(change, order, MODIFY_DELETE)

        def adapter(port: int) -> Adapter:
            url = f"ldap://127.0.0.1:{port}"
            return LdapAdapter("bench", ground.settings(url=url, tls="off", ca=None))

        yield Ring(
            server.port,
            adapter,
            lambda number: ground.order(person=ground.person(f"u{number % CROWD}")),
            give,
            take,
            (2, 2),
        )
        bare.unbind()


@asynccontextmanager
async def _ssh() -> AsyncIterator[Ring]:
    """No server is asked: beside it stand the same files, written as durably, under a lock too."""
    with TemporaryDirectory(prefix="curfew-bench-ssh-") as folder:
        ca, state = make_key(Path(folder) / "ca"), Path(folder) / "state"
        state.mkdir(mode=0o700)
        for name in ("state", "bare"):
            (Path(folder) / name).mkdir(exist_ok=True)
            (Path(folder) / name / "lock").touch()
        bare = Path(folder) / "bare"
        params = {"principals": ["ops"]}

        def order(_: int) -> Order:
            end = datetime.now(UTC) + timedelta(hours=1)
            return Order(fresh_id(), "bastion", params, Person("U0DANA"), end)

        def look(order: Order) -> None:
            """Is it there, is anything of it out, does the list say what it should?"""
            for name in (order.mark, "revoked.json", "revoked.krl"):
                with suppress(FileNotFoundError):
                    (bare / name).read_bytes()

        def write(order: Order) -> None:
            entry = {"principals": ["ops"], "ends": order.expires_at.timestamp()}
            with locked(bare), (bare / "new").open("wb") as file:
                look(order)
                file.write(json.dumps(entry).encode())
                file.flush()
                os.fsync(file.fileno())
                (bare / "new").replace(bare / order.mark)
                settle(bare)

        def remove(order: Order) -> None:
            with locked(bare):
                look(order)
                (bare / order.mark).unlink()
                settle(bare)

        def adapter(_: int) -> Adapter:
            return SshAdapter("bench", SshSettings(state=state, ca_key=ca))

        yield Ring(
            0,
            adapter,
            order,
            lambda order: asyncio.to_thread(write, order),
            lambda order: asyncio.to_thread(remove, order),
            (0, 0),
        )


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def settle(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


SERVER_RINGS: Mapping[str, Callable[[], AbstractAsyncContextManager[Ring]]] = {
    "ldap": _ldap,
    "mysql": _mysql,
    "postgres": _postgres,
    "ssh": _ssh,
}
