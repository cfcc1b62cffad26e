"""What the PostgreSQL adapter says to the server about people's own logins, and nothing else.

As in `_postgres_sql`: each function is one round trip, and names are quoted by the driver.
"""

from collections.abc import Sequence

from psycopg import errors, sql

from adapters._postgres_link import Connection, results
from adapters._postgres_sql import INHERIT_ONLY, NOTHING, STILL_WANTED
from adapters.base import UnreachableError


async def join(connection: Connection, role: str, member: str, *, limit: float) -> None:
    """A login that was there before becomes a member of a role.

    Without SET, where the server has it: then the end reaches open sessions too.
    """
    try:
        await results(
            connection,
            STILL_WANTED + "GRANT {role} TO {member} {options}",
            deadline=sql.Literal(connection.server_time(limit)),
            role=sql.Identifier(role),
            member=sql.Identifier(member),
            options=INHERIT_ONLY if connection.has_grant_options else NOTHING,
        )
    except errors.DivisionByZero:
        await connection.close()
        raise UnreachableError("the server read the call too late") from None


async def part(connection: Connection, role: str, member: str) -> None:
    """The membership that we gave is gone. Raises UndefinedObject where either is not there."""
    await results(
        connection,
        "REVOKE {role} FROM {member}",
        role=sql.Identifier(role),
        member=sql.Identifier(member),
    )


async def givers_of(connection: Connection, role: str, member: str) -> list[str]:
    """Who made this login a member of this role; a right to administer it alone does not count."""
    effective = "AND (m.inherit_option OR m.set_option)" if connection.has_grant_options else ""
    sets = await results(
        connection,
        "SELECT coalesce(b.rolname, '') FROM pg_auth_members AS m"
        " JOIN pg_roles AS g ON g.oid = m.roleid JOIN pg_roles AS p ON p.oid = m.member"
        " LEFT JOIN pg_roles AS b ON b.oid = m.grantor"
        " WHERE g.rolname = {role} AND p.rolname = {member} {effective}",
        role=sql.Literal(role),
        member=sql.Literal(member),
        effective=sql.SQL(effective),
    )
    return [row[0] for row in sets[-1]]


async def is_login(connection: Connection, name: str) -> bool:
    """Whether somebody can log in by that name."""
    sets = await results(
        connection,
        "SELECT 1 FROM pg_roles WHERE rolname = {name} AND rolcanlogin",
        name=sql.Literal(name),
    )
    return bool(sets[-1])


async def missing(connection: Connection, names: Sequence[str]) -> list[str]:
    """Those of the names that are no role here."""
    sets = await results(
        connection,
        "SELECT n FROM unnest({names}::text[]) AS n"
        " WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = n)",
        names=sql.Literal(list(names)),
    )
    return [row[0] for row in sets[-1]]
