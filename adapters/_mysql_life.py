"""How access in MySQL goes: the order of the statements, repeats and races.

May start on what a former, cut-off call left.
"""

import asyncio
import time

from adapters import _mysql_sql as statements
from adapters._mysql_link import Connection
from adapters.base import UnreachableError

SESSION_LIMIT = 5.0
"""Seconds that sessions get to end after they were told to."""

_FIRST_PAUSE = 0.005
_LAST_PAUSE = 0.1


async def take_account(connection: Connection, name: str, host: str) -> None:
    """No login, no session, no account, at whatever host. Absent is success.

    The account goes last: it carries the mark by which the rest is found. A login that was let in
    just before the door was shut may show up late, hence the look after it too.
    """
    deadline, pause = time.monotonic() + SESSION_LIMIT, _FIRST_PAUSE
    hosts = {host}
    while True:
        left = await statements.shut(connection, name, hosts)
        if not left:
            others, left = await statements.drop(connection, name, hosts)
            if not others and not left:
                return
            hosts |= others
        if time.monotonic() > deadline:
            raise UnreachableError(f"{name} is shut, but {left} of its sessions have not ended yet")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LAST_PAUSE)
