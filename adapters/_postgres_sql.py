"""What the PostgreSQL adapter says to the server, and nothing else.

Each function is one round trip, and one transaction where it changes something. Names and values
are quoted by the driver. Written for 14 to 18; where a membership has options (16 and later) they
are spelled out, since the defaults depend on settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import errors, sql

from adapters._postgres_link import Connection, Row, results
from adapters.base import UnreachableError

MARK_PATTERN = "^curfew_[0-9a-hjkmnp-tv-z]{12}$"
FULL = sql.SQL("WITH INHERIT TRUE, SET TRUE")
INHERIT_ONLY = sql.SQL("WITH INHERIT TRUE, SET FALSE")
NOTHING = sql.SQL("")

# A call that was given up on may still lie in a socket's buffer. When the server wakes up and
# reads it, this is what keeps it from making access that nobody waits for any more.
_STILL_WANTED = "SELECT 1 / (clock_timestamp() < to_timestamp({deadline}))::int;"


@dataclass(frozen=True, slots=True)
class Login:
    """A role as found: `open` while a password would be let in."""

    open: bool
    roles: frozenset[str]
    sessions: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """A database that holds something of a role."""

    database: str
    connectable: bool


async def put_login(
    connection: Connection,
    role: str,
    roles: Sequence[str],
    *,
    until: datetime,
    comment: str,
    limit: float,
    create: bool,
) -> None:
    """A login role, member of `roles`, without a password when it is new.

    `create` decides between CREATE and ALTER: the caller tries one, then the other. `limit` is in
    seconds from now: a statement that the server reads later changes nothing.
    """
    verb = "CREATE" if create else "ALTER"
    try:
        await results(
            connection,
            _STILL_WANTED
            + "{verb} ROLE {role} LOGIN INHERIT VALID UNTIL {until};"
            + "COMMENT ON ROLE {role} IS {comment}; GRANT {roles} TO {role}; {own}",
            deadline=sql.Literal(connection.server_time(limit)),
            verb=sql.SQL(verb),
            role=sql.Identifier(role),
            until=sql.Literal(until.isoformat()),
            comment=sql.Literal(comment),
            roles=sql.SQL(", ").join(map(sql.Identifier, roles)),
            own=_membership_of_ours(connection, role),
        )
    except errors.DivisionByZero:
        await connection.close()  # its idea of the server's clock may be what is wrong
        raise UnreachableError("the server read the call too late") from None


async def shut_login(connection: Connection, role: str) -> None:
    """Nobody can log in any more; open sessions go on. UndefinedObject when there is none."""
    await results(
        connection,
        "ALTER ROLE {role} NOLOGIN PASSWORD NULL VALID UNTIL '-infinity'; {own}",
        role=sql.Identifier(role),
        own=_membership_of_ours(connection, role),
    )


async def end_sessions(connection: Connection, role: str) -> int:
    """Tells every session of a role to end; how many there were. They take a moment."""
    sets = await results(
        connection,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {role}",
        role=sql.Literal(role),
    )
    return len(sets[-1])


async def leftovers(connection: Connection, role: str) -> list[Leftover]:
    """The databases in which something belongs to a role or names it in its rights.

    The dependency catalogue is shared by all databases, so one look tells. What belongs to no
    database (a right on a database, say) is cleaned from the one that we are in.
    """
    sets = await results(
        connection,
        "SELECT DISTINCT coalesce(d.datname, current_database()), coalesce(d.datallowconn, true)"
        " FROM pg_shdepend AS s LEFT JOIN pg_database AS d ON d.oid = s.dbid"
        " WHERE s.refclassid = 'pg_authid'::regclass"
        " AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = {role}) ORDER BY 1",
        role=sql.Literal(role),
    )
    return [Leftover(*row) for row in sets[-1]]


async def hand_over(connection: Connection, role: str, heir: str | None) -> None:
    """What a role owns in this database goes to the heir, or to us; its rights go away.

    An heir that is not there any more must not keep a dead login's things: then it is us too.
    """
    wanted = sql.Literal(heir)
    sets = await results(
        connection,
        "SELECT coalesce((SELECT rolname FROM pg_roles WHERE rolname = {heir}), current_user)",
        heir=wanted,
    )
    await results(
        connection,
        "REASSIGN OWNED BY {role} TO {heir}; DROP OWNED BY {role}",
        role=sql.Identifier(role),
        heir=sql.Identifier(sets[-1][0][0]),
    )


async def drop_login(connection: Connection, role: str) -> bool:
    """False, and nothing done, while a session is open. Raises UndefinedObject when there is none.

    A login that was let in just before the door was shut may show up late: hence the look within
    the same transaction.
    """
    try:
        await results(
            connection,
            "SELECT 1 / (count(*) = 0)::int FROM pg_stat_activity WHERE usename = {name};"
            "DROP ROLE {role}",
            name=sql.Literal(role),
            role=sql.Identifier(role),
        )
    except errors.DivisionByZero:
        return False
    return True


async def login_of(connection: Connection, role: str) -> Login | None:
    """The role as it is, None where there is none."""
    sets = await results(
        connection,
        "SELECT rolcanlogin AND coalesce(rolvaliduntil > clock_timestamp(), true),"
        " ARRAY(SELECT g.rolname::text FROM pg_auth_members AS m JOIN pg_roles AS g"
        " ON g.oid = m.roleid WHERE m.member = r.oid),"
        " (SELECT count(*) FROM pg_stat_activity WHERE usename = r.rolname)"
        " FROM pg_roles AS r WHERE rolname = {role}",
        role=sql.Literal(role),
    )
    if not sets[-1]:
        return None
    is_open, roles, sessions = sets[-1][0]
    return Login(open=is_open, roles=frozenset(roles), sessions=sessions)


async def set_password(connection: Connection, role: str, password: str) -> bool:
    """Only the verifier travels, so that no log of statements holds the password.

    False where nobody could log in with it. Raises UndefinedObject when there is no such role.
    """
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    sets = await results(
        connection,
        "ALTER ROLE {role} PASSWORD {verifier};"
        "SELECT rolcanlogin AND coalesce(rolvaliduntil > clock_timestamp(), true)"
        " FROM pg_roles WHERE rolname = {name}",
        role=sql.Identifier(role),
        verifier=sql.Literal(verifier.decode()),
        name=sql.Literal(role),
    )
    return bool(sets[-1][0][0])


async def sessions_of(connection: Connection, role: str) -> list[Row]:
    """Process, start, address and program of each."""
    sets = await results(
        connection,
        "SELECT pid, backend_start, coalesce(host(client_addr), 'local'), application_name"
        " FROM pg_stat_activity WHERE usename = {role} AND backend_start IS NOT NULL"
        " AND backend_type = 'client backend' ORDER BY backend_start, pid",
        role=sql.Literal(role),
    )
    return sets[-1]


async def marked_logins(connection: Connection) -> list[str]:
    sets = await results(
        connection,
        "SELECT rolname FROM pg_roles WHERE rolname ~ {pattern}",
        pattern=sql.Literal(MARK_PATTERN),
    )
    return [row[0] for row in sets[-1]]


async def join(connection: Connection, role: str, member: str, *, limit: float) -> None:
    """A login that was there before becomes a member of a role.

    Without SET, where the server has it: then the end reaches open sessions too.
    """
    try:
        await results(
            connection,
            _STILL_WANTED + "GRANT {role} TO {member} {options}",
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


def _membership_of_ours(connection: Connection, role: str) -> sql.Composable:
    """We must have the rights of what we made, to end its sessions and hand over its things."""
    if connection.is_superuser:
        return NOTHING
    options = FULL if connection.has_grant_options else NOTHING
    return sql.SQL("GRANT {} TO CURRENT_USER {}").format(sql.Identifier(role), options)
