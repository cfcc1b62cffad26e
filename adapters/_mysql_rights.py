"""What the admin account must be allowed to do, and the SQL that a human runs."""

from collections.abc import Sequence

from adapters import _mysql_sql as statements
from adapters._mysql_dialect import number_of
from adapters._mysql_link import Connection

_MINE = (
    "GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"  # as the views write it
)
_OVER_MYSQL = (
    "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE {mine}"
    " UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES"
    " WHERE {mine} AND 'mysql' LIKE TABLE_SCHEMA"
)


async def missing_for_provider(connection: Connection) -> list[str]:
    """A sentence with its SQL for each right that is not there."""
    dialect = connection.dialect
    if number_of(connection.server_version) < dialect.oldest:
        oldest = ".".join(map(str, dialect.oldest))
        return [f"The server is {connection.server_version}; it has to be {oldest} or newer."]
    sets = await connection.results(
        "SELECT @@global.read_only",
        f"SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE {_MINE}",
        _OVER_MYSQL.format(mine=_MINE),
    )
    held = {str(row[0]) for row in sets[1]}
    found = []
    if sets[0][0][0]:
        found.append("The server is read-only, a replica perhaps: let host name the primary.")
    needs = {
        "CREATE USER": "make and drop accounts",
        "PROCESS": "see sessions",
        dialect.kill_right: "end sessions",
    }
    for right, use in needs.items():
        if right not in held and not (right == dialect.kill_right and "SUPER" in held):
            found.append(_mended(connection, f"may not {use}", f"GRANT {right} ON *.*"))
    if "SELECT" not in {str(row[0]) for row in sets[2]}:
        found.append(_mended(connection, "may not read accounts", "GRANT SELECT ON mysql.*"))
    return found


async def missing_for_params(connection: Connection, wanted: statements.Wanted) -> list[str]:
    """The same for what a `grant` block names."""
    found = await _missing_for_role(connection, wanted.role) if wanted.role is not None else []
    for where, words in wanted.rights.items():
        found += await _missing_for_rights(connection, where, words)
    return found


async def _missing_for_role(connection: Connection, role: str) -> list[str]:
    dialect = connection.dialect
    sets = await connection.results(
        dialect.known_role.format(role=connection.text(role)),
        dialect.roles.format(name=connection.text(connection.admin.rpartition("@")[0])),
        _OVER_MYSQL.format(mine=_MINE),
    )
    name = statements.identifier(role)
    if not sets[0]:
        return [f"There is no role {role}. Run: CREATE ROLE {name};"]
    found = []
    if not any(str(row[0]) == role and row[1] for row in sets[1]):
        problem = f"may not give the role {role}"
        found.append(_mended(connection, problem, f"GRANT {name}", "WITH ADMIN OPTION"))
    if dialect.name == "MariaDB" and "UPDATE" not in {str(row[0]) for row in sets[2]}:
        problem = "may not make a role another account's default"
        found.append(_mended(connection, problem, "GRANT UPDATE ON mysql.*"))
    return found


async def _missing_for_rights(
    connection: Connection, where: str, words: Sequence[str]
) -> list[str]:
    database, _, table = where.partition(".")
    name = connection.text(database)
    mine = f"WHERE {_MINE} AND IS_GRANTABLE = 'YES'"
    sets = await connection.results(
        f"SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES {mine}"
        f" UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES {mine}"
        f" AND {name} LIKE TABLE_SCHEMA"
        f" UNION SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES {mine}"
        f" AND TABLE_SCHEMA = {name} AND TABLE_NAME = {connection.text(table)}",
        f"SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {name}",
    )
    held = {str(row[0]) for row in sets[0]}
    if lacking := ", ".join(word for word in words if word not in held):
        line = f"GRANT {lacking} ON {statements.place(connection, where)}"
        problem = f"may not give {lacking} on {where}"
        return [_mended(connection, problem, line, "WITH GRANT OPTION")]
    if not sets[1]:
        quoted = statements.identifier(database)
        return [f"There is no database {database}. Run: CREATE DATABASE {quoted};"]
    return []


def cleanup_of_account(name: str, host: str) -> str:
    """SQL for a human who is logged in as the admin account."""
    return (
        f"ALTER USER '{name}'@'{host}' ACCOUNT LOCK;\n"
        "SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST"
        f" WHERE USER = '{name}';\n"
        "-- run what it printed, then:\n"
        f"DROP USER '{name}'@'{host}';"
    )


def _mended(connection: Connection, problem: str, statement: str, options: str = "") -> str:
    name, _, host = connection.admin.rpartition("@")
    line = f"{statement} TO {statements.account(connection, name, host)} {options}".rstrip()
    return f"The admin account {problem}. Run: {line};"
