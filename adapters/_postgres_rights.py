"""What the admin role must be allowed to do, and the SQL that a human runs.

The rules differ at 16: before it, CREATEROLE may give any membership; from it on, only those that
the role holds with ADMIN OPTION. `docs/adapters/postgres.md` has the whole list.
"""

from collections.abc import Sequence

from psycopg import sql

from adapters._postgres_link import Connection, results
from adapters._postgres_sql import MARK_PATTERN

OLDEST = 140000
"""The oldest server that this was written for, in libpq's form."""


async def missing_for_provider(connection: Connection) -> list[str]:
    """A sentence with its SQL for each right that is not there."""
    version = connection.info.server_version
    if version < OLDEST:
        return [f"The server is PostgreSQL {version // 10000}; the adapter needs 14 or newer."]
    sets = await results(
        connection,
        "SELECT current_user, rolsuper, rolcreaterole, rolinherit, pg_is_in_recovery()"
        " FROM pg_roles WHERE rolname = current_user;"
        "SELECT datname FROM pg_database WHERE datallowconn"
        " AND NOT has_database_privilege(oid, 'CONNECT') ORDER BY 1;"
        "SELECT rolname FROM pg_roles WHERE rolname ~ {pattern}"
        " AND NOT pg_has_role(oid, 'MEMBER WITH ADMIN OPTION') ORDER BY 1",
        pattern=sql.Literal(MARK_PATTERN),
    )
    admin, is_super, may_create, inherits, is_standby = sets[0][0]
    found = []
    if is_standby:
        found.append("The server is a read-only standby: let dsn name the primary.")
    if is_super:
        return found
    if not may_create:
        found.append(
            _mended("The admin role may not create roles", "ALTER ROLE {} CREATEROLE", admin)
        )
    if not inherits and not connection.has_grant_options:
        found.append(
            _mended(
                "The admin role does not inherit rights, so it cannot end sessions",
                "ALTER ROLE {} INHERIT",
                admin,
            )
        )
    found += [
        _mended(
            f"The admin role may not enter the database {name} to clean up there",
            "GRANT CONNECT ON DATABASE {} TO {}",
            name,
            admin,
        )
        for (name,) in sets[1]
    ]
    if connection.has_grant_options:
        found += [
            _mended(
                f"{name} was made by another admin role and cannot be removed",
                "GRANT {} TO {} WITH ADMIN OPTION, INHERIT TRUE, SET TRUE",
                name,
                admin,
            )
            for (name,) in sets[2]
        ]
    return found


async def missing_for_roles(
    connection: Connection, roles: Sequence[str], heir: str | None
) -> list[str]:
    """The same for what a `grant` block names; `heir` is who gets what a login owned."""
    wanted = list(dict.fromkeys([*roles, *([heir] if heir else [])]))
    setting = sql.SQL("AND pg_has_role(r.oid, 'SET')" if connection.has_grant_options else "")
    sets = await results(
        connection,
        "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user;"
        "SELECT n, r.oid IS NOT NULL, coalesce(r.rolsuper, false),"
        " coalesce(pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'), false),"
        " coalesce(pg_has_role(r.oid, 'USAGE') {setting}, false)"
        " FROM unnest({names}::text[]) WITH ORDINALITY AS w(n, i)"
        " LEFT JOIN pg_roles AS r ON r.rolname = n ORDER BY i",
        setting=setting,
        names=sql.Literal(wanted),
    )
    admin, is_super = sets[0][0]
    found = []
    for name, exists, role_is_super, may_give, may_own in sets[1]:
        if not exists:
            found.append(_mended(f"There is no role {name}", "CREATE ROLE {} NOLOGIN", name))
        elif role_is_super and not is_super:
            found.append(f"{name} is a superuser: only a superuser may give it; choose another.")
        elif not is_super and _lacks(connection, name, roles, heir, (may_give, may_own)):
            options = (
                "WITH ADMIN TRUE, INHERIT TRUE, SET TRUE" if connection.has_grant_options else ""
            )
            found.append(
                _mended(
                    f"The admin role may not give {name} or hand things over to it",
                    f"GRANT {{}} TO {{}} {options}".rstrip(),
                    name,
                    admin,
                )
            )
    return found


def cleanup_of_login(role: str, heir: str | None) -> str:
    """SQL for a human who is logged in as the admin role."""
    heir_name: sql.Composable = sql.Identifier(heir) if heir else sql.SQL("CURRENT_USER")
    return (
        sql.SQL(
            "ALTER ROLE {role} NOLOGIN PASSWORD NULL;\n"
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {name};\n"
            "-- in every database that names it in the error of the last line:\n"
            "REASSIGN OWNED BY {role} TO {heir};\n"
            "DROP OWNED BY {role};\n"
            "-- then:\n"
            "DROP ROLE {role};"
        )
        .format(role=sql.Identifier(role), name=sql.Literal(role), heir=heir_name)
        .as_string(None)
    )


def cleanup_of_membership(role: str, member: str) -> str:
    """SQL for a human who is logged in as the admin role."""
    return (
        sql.SQL("REVOKE {} FROM {};")
        .format(sql.Identifier(role), sql.Identifier(member))
        .as_string(None)
    )


def _lacks(
    connection: Connection,
    name: str,
    roles: Sequence[str],
    heir: str | None,
    has: tuple[bool, bool],
) -> bool:
    may_give, may_own = has
    needs_giving = name in roles and connection.has_grant_options
    return (needs_giving and not may_give) or (name == heir and not may_own)


def _mended(problem: str, statement: str, *names: str) -> str:
    line = sql.SQL(statement).format(*map(sql.Identifier, names)).as_string(None)
    return f"{problem}. Run: {line};"
