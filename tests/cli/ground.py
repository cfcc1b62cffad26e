"""A place for the real program: a directory with a policy and settings, and what it left."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psycopg

from bot.demo.shop import Shop

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Ground:
    """A directory of its own, with everything set for the program; `environ` may be changed."""

    directory: Path
    environ: dict[str, str]
    shop: Shop
    url: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def policy(self) -> Path:
        return self.directory / "policy.yml"

    async def curfew(self, *words: str, **environ: str) -> Said:
        """Run a command to its end."""
        process = await self._spawn(words, environ, asyncio.subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        return Said(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def bot(self, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The running bot, ready; killed at the end if it still runs."""
        self.log.clear()
        process = await self._spawn(
            ("run",), {"CURFEW_LOG_FORMAT": "json", **environ}, asyncio.subprocess.DEVNULL
        )
        reading = asyncio.create_task(self._read(process))
        try:
            await self.until(lambda: self._found(process))
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading

    async def until(self, holds: Callable[[], object], within: float = PATIENCE) -> None:
        """Look again and again at something outside of this process."""
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110 - another process has no events of ours
                await asyncio.sleep(0.05)

    async def until_so(
        self, holds: Callable[[], Awaitable[bool]], within: float = PATIENCE
    ) -> None:
        """The same for what has to be awaited."""
        async with asyncio.timeout(within):
            while not await holds():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)

    async def readyz(self) -> tuple[int, Mapping[str, Mapping[str, object]]]:
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}/readyz") as answer:
            return answer.status, (await answer.json())["checks"]

    def logins(self) -> set[str]:
        """The temporary logins that are there now."""
        with psycopg.connect(self.shop.admin_dsn) as conn:
            query = "SELECT rolname FROM pg_roles WHERE rolname ~ '^curfew_[0-9a-z]{12}$'"
            return {str(row[0]) for row in conn.execute(query)}

    def _found(self, process: asyncio.subprocess.Process) -> bool:
        assert process.returncode is None, "".join(self.log)
        ready = [line for line in self.log if '"message": "ready"' in line]
        if ready:
            self.url = ready[0].partition('"url": "')[2].partition('"')[0]
        return bool(ready)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.log.append(line.decode())

    async def _spawn(
        self, words: tuple[str, ...], environ: Mapping[str, str], out: int
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-m", "bot", *words),
            cwd=self.directory,
            env={**self.environ, **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
        )
