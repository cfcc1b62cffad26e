"""How access in PostgreSQL comes and goes: the order of the statements, repeats and races.

Every function may start on what a former, cut-off call left.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import psycopg
from psycopg import errors

from adapters import _postgres_members as members
from adapters import _postgres_sql as statements
from adapters._postgres_link import Connection, Link, translated
from adapters.base import RefusedError, UnreachableError

T = TypeVar("T")

SESSION_LIMIT = 5.0
"""Seconds that sessions get to end after they were told to."""

_TRIES = 6
_FIRST_PAUSE = 0.005

_RACE_WORDS = ("tuple concurrently updated", "tuple concurrently deleted")


async def give_login(
    connection: Connection,
    role: str,
    roles: Sequence[str],
    *,
    until: datetime,
    comment: str,
    limit: float,
) -> None:
    """The login is there, member of all roles, until that time; its password stays as it is."""

    async def once() -> None:
        for create in (True, False):
            try:
                await statements.put_login(
                    connection,
                    role,
                    roles,
                    until=until,
                    comment=comment,
                    limit=limit,
                    create=create,
                )
            except errors.DuplicateObject:
                continue
            except errors.UndefinedObject as error:
                await _refuse_unknown(connection, roles, error)
                raise
            else:
                return

    await _settled(once)


async def take_login(link: Link, connection: Connection, role: str, heir: str | None) -> None:
    """No login, no session, nothing owned, no role. Absent is success."""

    async def shut() -> statements.Shut:
        return await statements.shut_login(connection, role)

    hindrance: psycopg.Error | None = None
    try:
        found: statements.Shut | None = await _settled(shut)
        for _ in range(_TRIES):
            try:
                if await _dropped(link, connection, role, heir, found):
                    return
            except errors.DependentObjectsStillExist as error:
                hindrance = error  # made between our look and the drop, or beyond our rights
            except psycopg.Error as error:
                if not _is_race(error):
                    raise
            found = None
    except errors.UndefinedObject:
        if await statements.login_of(connection, role) is not None:
            raise
        return
    if hindrance is not None:
        raise hindrance
    raise UnreachableError(f"{role} is shut, but does not go away: sessions keep turning up")


async def give_membership(connection: Connection, role: str, member: str, *, limit: float) -> None:
    """The person's own login is a member of the role."""

    async def once() -> None:
        try:
            await members.join(connection, role, member, limit=limit)
        except errors.UndefinedObject as error:
            await _refuse_unknown(connection, (role, member), error)
            raise

    await _settled(once)


async def take_membership(connection: Connection, role: str, member: str) -> None:
    """What we gave is gone. Refused where somebody else has given the same meanwhile."""

    async def once() -> None:
        await members.part(connection, role, member)

    try:
        await _settled(once)
    except errors.UndefinedObject:
        if await members.missing(connection, (role, member)):
            return
        raise
    givers = await members.givers_of(connection, role, member)
    if givers:
        raise RefusedError(
            f"{member} is still a member of {role}: {givers[0] or 'somebody else'} gave it too,"
            " and what others gave is not taken away."
        )


async def _dropped(
    link: Link,
    connection: Connection,
    role: str,
    heir: str | None,
    found: statements.Shut | None,
) -> bool:
    """True when the login is gone; False while a session of it is there."""
    if found is not None and not found.sessions:
        leftovers = found.leftovers
    else:  # what sessions make before they end is found only after it
        await _end_sessions(connection, role)
        leftovers = await statements.leftovers(connection, role)
    await _clean_databases(link, connection, role, heir, leftovers)
    return await statements.drop_login(connection, role)


async def _end_sessions(connection: Connection, role: str) -> None:
    deadline = time.monotonic() + SESSION_LIMIT
    pause = _FIRST_PAUSE
    while left := await statements.end_sessions(connection, role):
        if time.monotonic() > deadline:
            raise UnreachableError(f"{left} sessions of {role} have not ended yet")
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.1)


async def _clean_databases(
    link: Link,
    connection: Connection,
    role: str,
    heir: str | None,
    leftovers: Sequence[statements.Leftover],
) -> None:
    for leftover in leftovers:
        if not leftover.connectable:
            raise RefusedError(
                f"The database {leftover.database} takes no connections and holds things of"
                f" {role}: ALTER DATABASE … ALLOW_CONNECTIONS true lets the clean-up in."
            )
        if leftover.database == connection.info.dbname:
            await statements.hand_over(connection, role, heir)
            continue
        try:
            await link.run_in(
                leftover.database, lambda other: statements.hand_over(other, role, heir)
            )
        except errors.OperationalError as error:
            if leftover in await statements.leftovers(connection, role):
                reason = translated(error)
                raise type(reason)(f"{leftover.database} cannot be cleaned: {reason}") from error
            # dropped while we were on our way to it


async def _refuse_unknown(
    connection: Connection, names: Sequence[str], error: psycopg.Error
) -> None:
    if unknown := await members.missing(connection, names):
        raise RefusedError(f"There is no role {', '.join(unknown)} in this server.") from error


async def _settled(act: Callable[[], Awaitable[T]]) -> T:
    """Repeats an act that met another call's unfinished work on the same role."""
    pause = _FIRST_PAUSE
    for _ in range(_TRIES):
        try:
            return await act()
        except psycopg.Error as error:
            if not _is_race(error):
                raise
        await asyncio.sleep(pause)
        pause *= 2
    return await act()


def _is_race(error: psycopg.Error) -> bool:
    if isinstance(error, (errors.UniqueViolation, errors.DeadlockDetected)):
        return True
    return any(words in str(error) for words in _RACE_WORDS)
