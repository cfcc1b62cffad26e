"""What the MySQL adapter says to the server, and nothing else.

Each function is one round trip. The server has no transactions for accounts: each statement stands
by itself and may be repeated. Strings are quoted by the driver; it has nothing for the names of
databases and tables, so `identifier` doubles their backticks.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pymysql import err

from adapters._mysql_link import Connection, Row
from adapters.base import UnreachableError

_UNKNOWN_THREAD = 1094
_OUT_OF_RANGE = 1690

# A call that was given up on may still lie in a socket's buffer. When the server wakes up and
# reads it, this is what keeps it from making access that nobody waits for any more.
_STILL_WANTED = "SELECT ~0 + (UNIX_TIMESTAMP(NOW(6)) > {:.6f})"

Rights = Mapping[str, Sequence[str]]
"""What may be done where: `shop.*` or `shop.orders` to the words of the rights."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an account has to have."""

    role: str | None
    rights: Rights


@dataclass(frozen=True, slots=True)
class Found:
    """An account as it is, at whatever hosts, and the connections of its name."""

    hosts: frozenset[str]
    sessions: tuple[int, ...]
    open: bool = False
    """Somebody with a password would be let in, to all that is wanted."""


def identifier(name: str) -> str:
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def place(connection: Connection, where: str) -> str:
    """`shop.*` as in GRANT, where the name of a database alone is a pattern: `_` is any letter."""
    if connection.folds_names:
        where = where.lower()
    database, _, table = where.partition(".")
    if table != "*":
        return f"{identifier(database)}.{identifier(table)}"
    if not connection.takes_names_literally:
        database = database.replace("\\", "\\\\").replace("_", r"\_").replace("%", r"\%")
    return f"{identifier(database)}.*"


def account(connection: Connection, name: str, host: str) -> str:
    return f"{connection.text(name)}@{connection.text(host)}"


async def put_account(
    connection: Connection, name: str, host: str, wanted: Wanted, *, deadline: float, secure: bool
) -> None:
    """An open account with all that is wanted; a new one has no password that anybody knows.

    `deadline` is of our monotonic clock: read later by the server, it changes nothing.
    """
    dialect, who = connection.dialect, account(connection, name, host)
    never = dialect.never.format(word=connection.text(secrets.token_urlsafe(32)))
    statements = [
        _STILL_WANTED.format(connection.server_time(deadline)),
        f"CREATE USER IF NOT EXISTS {who} {never} REQUIRE {'SSL' if secure else 'NONE'}",
    ]
    if wanted.role is not None:
        role = identifier(wanted.role)
        statements.append(f"GRANT {role} TO {who}")
        statements.append(dialect.default_role.format(role=role, account=who))
    for where, rights in wanted.rights.items():
        statements.append(f"GRANT {', '.join(rights)} ON {place(connection, where)} TO {who}")
    statements.append(f"ALTER USER {who} ACCOUNT UNLOCK")
    try:
        await connection.results(*statements)
    except err.MySQLError as error:
        if error.args[0] == _OUT_OF_RANGE:
            raise UnreachableError("the server read the call too late") from None
        raise


async def shut(connection: Connection, name: str, hosts: Collection[str]) -> Found:
    """Nobody can log in any more at these hosts; open sessions go on."""
    locks = [
        f"ALTER USER IF EXISTS {account(connection, name, host)} ACCOUNT LOCK"
        for host in sorted(hosts)
    ]
    sets = await connection.results(*locks, *_look(connection, name))
    return _found(sets[-2:])


async def end_session(connection: Connection, number: int) -> None:
    """Tells a connection to end; it takes a moment. One that is gone is fine."""
    try:
        await connection.results(f"KILL CONNECTION {number:d}")
    except err.MySQLError as error:
        if error.args[0] != _UNKNOWN_THREAD:
            raise


async def drop(connection: Connection, name: str, hosts: Collection[str]) -> Found:
    """The accounts are gone, with all their rights; what is left of the name."""
    who = ", ".join(account(connection, name, host) for host in sorted(hosts))
    sets = await connection.results(f"DROP USER IF EXISTS {who}", *_look(connection, name))
    return _found(sets[-2:])


async def look(connection: Connection, name: str, wanted: Wanted) -> Found:
    """The account as it is."""
    statements = _look(connection, name)
    statements.append(connection.dialect.roles.format(name=connection.text(name)))
    if wanted.rights:
        statements.append(_rights_of(connection.text(f"'{name}'")))
    sets = await connection.results(*statements)
    roles = {str(row[0]) for row in sets[2]}
    has_role = wanted.role is None or (
        wanted.role in roles and all(row[2] == wanted.role for row in sets[0])
    )
    held = {tuple(map(str, row)) for row in sets[3]} if wanted.rights else set()
    needed = {
        (place(connection, where), right)
        for where, rights in wanted.rights.items()
        for right in rights
    }
    return _found(sets[:2], complete=has_role and needed <= held)


async def set_password(connection: Connection, name: str, host: str, word: str) -> bool:
    """False where nobody could log in with it. The former one opens nothing any more."""
    dialect, who = connection.dialect, account(connection, name, host)
    verifier = dialect.opens.format(word=connection.text(dialect.secret(word)))
    found = dialect.accounts.format(name=connection.text(name))
    sets = await connection.results(f"ALTER USER IF EXISTS {who} {verifier}", found)
    return any(at == host and not locked for at, locked, _ in sets[-1])


async def sessions_of(connection: Connection, name: str) -> Sequence[Row]:
    """Number, address, seconds since its last act, and the server's clock, of each connection."""
    sets = await connection.results(
        "SELECT ID, HOST, TIME, UNIX_TIMESTAMP(NOW())"
        f" FROM information_schema.PROCESSLIST WHERE {_same('USER', connection.text(name))}"
        " ORDER BY ID"
    )
    return sets[-1]


async def marked(connection: Connection) -> list[str]:
    sets = await connection.results(connection.dialect.marked)
    return [str(row[0]) for row in sets[-1]]


def _look(connection: Connection, name: str) -> list[str]:
    text = connection.text(name)
    return [
        connection.dialect.accounts.format(name=text),
        f"SELECT ID FROM information_schema.PROCESSLIST WHERE {_same('USER', text)}",
    ]


def _found(sets: Sequence[Sequence[Row]], *, complete: bool = False) -> Found:
    accounts, sessions = sets
    return Found(
        hosts=frozenset(str(row[0]) for row in accounts),
        sessions=tuple(int(row[0]) for row in sessions),
        open=complete and any(not row[1] for row in accounts),
    )


def _same(column: str, text: str) -> str:
    # these views compare without regard to case, and a look-alike is none of ours
    return f"CAST({column} AS BINARY) = {text}"


def _rights_of(quoted: str) -> str:
    """Each right as `place` would say where it is."""
    mine = _same("SUBSTRING_INDEX(GRANTEE, '@', 1)", quoted)
    name = "CONCAT('`', REPLACE(TABLE_SCHEMA, '`', '``'), '`.')"
    table = "CONCAT('`', REPLACE(TABLE_NAME, '`', '``'), '`')"
    return (
        f"SELECT CONCAT({name}, '*'), PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES"
        f" WHERE {mine} UNION ALL SELECT CONCAT({name}, {table}), PRIVILEGE_TYPE"
        f" FROM information_schema.TABLE_PRIVILEGES WHERE {mine}"
    )
