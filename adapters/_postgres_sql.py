"""What the PostgreSQL adapter says to the server, and nothing else.

Each function is one round trip, and one transaction for what it changes. Names and values
are quoted by the driver. Written for 14 to 18; where a membership has options (16 and later) they
are spelled out, since the defaults depend on settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import errors, sql

from adapters._postgres_link import Connection, Row, results
from adapters.base import UnreachableError

MARK_PATTERN = "^curfew_[0-9a-hjkmnp-tv-z]{12}$"
FULL = sql.SQL("WITH INHERIT TRUE, SET TRUE")
INHERIT_ONLY = sql.SQL("WITH INHERIT TRUE, SET FALSE")
NOTHING = sql.SQL("")

# A call that was given up on may still lie in a socket's buffer. When the server wakes up and
# reads it, this is what keeps it from making access that nobody waits for any more.
STILL_WANTED = "SELECT 1 / (clock_timestamp() < to_timestamp({deadline}))::int;"


_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {name}"
_LEFTOVERS = (
    "SELECT DISTINCT coalesce(d.datname, current_database()), coalesce(d.datallowconn, true)"
    " FROM pg_shdepend AS s LEFT JOIN pg_database AS d ON d.oid = s.dbid"
    " WHERE s.refclassid = 'pg_authid'::regclass"
    " AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = {name}) ORDER BY 1"
)


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


@dataclass(frozen=True, slots=True)
class Shut:
    """A login behind its shut door: sessions that were told to end, and what it left where."""

    sessions: int
    leftovers: list[Leftover]


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
            STILL_WANTED
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


async def shut_login(connection: Connection, role: str) -> Shut:
    """Nobody can log in any more, and that is settled before sessions are told to end.

    UndefinedObject when there is no such role.
    """
    try:
        sets = await results(
            connection,
            "BEGIN; ALTER ROLE {role} NOLOGIN PASSWORD NULL VALID UNTIL '-infinity'; {own}; COMMIT;"
            + _END_SESSIONS
            + ";"
            + _LEFTOVERS,
            role=sql.Identifier(role),
            name=sql.Literal(role),
            own=_membership_of_ours(connection, role),
        )
    except psycopg.Error:
        await connection.rollback()
        raise
    return Shut(sessions=len(sets[-2]), leftovers=_found(sets[-1]))


async def end_sessions(connection: Connection, role: str) -> int:
    """Tells every session of a role to end; how many there were. They take a moment."""
    return len((await results(connection, _END_SESSIONS, name=sql.Literal(role)))[-1])


async def leftovers(connection: Connection, role: str) -> list[Leftover]:
    """The databases in which something belongs to a role or names it in its rights.

    The dependency catalogue is shared by all databases, so one look tells. What belongs to no
    database (a right on a database, say) is cleaned from the one that we are in.
    """
    return _found((await results(connection, _LEFTOVERS, name=sql.Literal(role)))[-1])


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


def _found(rows: Sequence[Row]) -> list[Leftover]:
    return [Leftover(*row) for row in rows]


def _membership_of_ours(connection: Connection, role: str) -> sql.Composable:
    """We must have the rights of what we made, to end its sessions and hand over its things."""
    if connection.is_superuser:
        return NOTHING
    options = FULL if connection.has_grant_options else NOTHING
    return sql.SQL("GRANT {} TO CURRENT_USER {}").format(sql.Identifier(role), options)
