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
_ACCOUNT_FAILED = 1396
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
    """An account as it is, at whatever hosts, and how many sessions its name has."""

    hosts: frozenset[str]
    sessions: int
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
    in_time = _STILL_WANTED.format(connection.server_time(deadline))
    never = dialect.never.format(word=connection.text(secrets.token_urlsafe(32)))
    rights = _rights(connection, who, wanted)
    made = f"CREATE USER {who} {never} REQUIRE {'SSL' if secure else 'NONE'}"
    try:
        try:
            await connection.results(in_time, made, *rights)
        except err.MySQLError as error:
            if error.args[0] != _ACCOUNT_FAILED:
                raise
            # it is there: open it, last of all, in case a former revoke was cut off
            await connection.results(in_time, *rights, f"ALTER USER {who} ACCOUNT UNLOCK")
    except err.MySQLError as error:
        if error.args[0] == _OUT_OF_RANGE:
            raise UnreachableError("the server read the call too late") from None
        raise


def _rights(connection: Connection, who: str, wanted: Wanted) -> list[str]:
    statements = []
    if wanted.role is not None:
        role = identifier(wanted.role)
        statements.append(f"GRANT {role} TO {who}")
        statements.append(connection.dialect.default_role.format(role=role, account=who))
    for where, rights in wanted.rights.items():
        statements.append(f"GRANT {', '.join(rights)} ON {place(connection, where)} TO {who}")
    return statements


async def shut(connection: Connection, name: str, hosts: Collection[str]) -> int:
    """Nobody can log in any more at these hosts, and then sessions are told to end: how many.

    They take a moment.
    """
    locks = [
        f"ALTER USER IF EXISTS {account(connection, name, host)} ACCOUNT LOCK"
        for host in sorted(hosts)
    ]
    sets = await connection.results(*locks, _end_sessions(connection, name))
    return await _told_to_end(connection, sets[-1])


async def drop(
    connection: Connection, name: str, hosts: Collection[str]
) -> tuple[frozenset[str], int]:
    """The accounts are gone, with all their rights. Other hosts of the name, and its sessions."""
    who = ", ".join(account(connection, name, host) for host in sorted(hosts))
    sets = await connection.results(
        f"DROP USER IF EXISTS {who}",
        _end_sessions(connection, name),
        connection.dialect.accounts.format(name=connection.text(name)),
    )
    left = frozenset(str(row[0]) for row in sets[-1])
    return left, await _told_to_end(connection, sets[-2])


def _end_sessions(connection: Connection, name: str) -> str:
    text = connection.text(name)
    if connection.dialect.kill is not None:
        return connection.dialect.kill.format(name=text)
    return _sessions(text)


async def _told_to_end(connection: Connection, rows: Sequence[Row]) -> int:
    """How many sessions `_end_sessions` found; where it could only look, they are told here."""
    if connection.dialect.kill is not None:
        return int(rows[0][0])
    for (number,) in rows:
        try:
            await connection.results(f"KILL CONNECTION {int(number)}")
        except err.MySQLError as error:
            if error.args[0] != _UNKNOWN_THREAD:
                raise
    return len(rows)


async def look(connection: Connection, name: str, wanted: Wanted) -> Found:
    """The account as it is."""
    text = connection.text(name)
    statements = [
        connection.dialect.accounts.format(name=text),
        _sessions(text),
        connection.dialect.roles.format(name=text),
    ]
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
    complete = has_role and needed <= held
    return Found(
        hosts=frozenset(str(row[0]) for row in sets[0]),
        sessions=len(sets[1]),
        open=complete and any(not row[1] for row in sets[0]),
    )


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


def _sessions(text: str) -> str:
    return f"SELECT ID FROM information_schema.PROCESSLIST WHERE {_same('USER', text)}"


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
