"""Using a credential as its person does: what the form shows, pasted into psql or a program."""

import asyncio
import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import psycopg

from bot.demo.shop import Shop
from sandbox import Player, text_of

DSN: Final = re.compile(r"postgresql://\S+")
PSQL: Final = re.compile(r"^.* psql '.*$", re.MULTILINE)


@dataclass(slots=True)
class Login:
    """An open session that was started with a credential, and how to start another."""

    dsn: str
    line: str
    session: "psycopg.AsyncConnection[tuple[object, ...]]"
    shop: Shop

    @property
    def password(self) -> str:
        return self.session.info.password

    async def ask(self, query: str) -> list[tuple[object, ...]]:
        """Run a query in the open session."""
        found = await self.session.execute(query.encode())
        return await found.fetchall() if found.description else []

    async def is_cut(self) -> bool:
        """The open session was ended from the other side."""
        try:
            await self.session.execute("SELECT 1")
        except psycopg.OperationalError:
            await self.session.close()
            return True
        return False

    async def psql(self, query: str) -> tuple[int, str]:
        """Paste the line that was shown into a shell, with a query behind it: code and output."""
        path = f"{self.shop.psql.parent}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_shell(
            f'{self.line} -XAtc "{query}"',
            env={"PATH": path},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode().strip()


async def take(player: Player, shop: Shop) -> Login:
    """Press Get credentials, log in with what is shown, close the form."""
    await player.click("Get credentials")
    shown = text_of(await player.waits_for_modal("Shown once"))
    dsn, line = DSN.search(shown), PSQL.search(shown)
    assert dsn is not None, shown
    assert line is not None, shown
    await player.close()
    session = await psycopg.AsyncConnection.connect(dsn[0], autocommit=True)
    assert urlsplit(dsn[0]).scheme == "postgresql"
    return Login(dsn[0], line[0], session, shop)
