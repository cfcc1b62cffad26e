"""The real bot at rest: what it holds and what it burns, with one policy and nothing to do.

The postgres adapter is loaded and has a server: its sweeps are part of the rest.
"""

import asyncio
import os
import tempfile
from pathlib import Path

import psycopg

from bench.slack import curfew
from bench.table import Table
from sandbox.postgres import EmbeddedPostgres

SETTLE = 10.0


def measure(*, quick: bool) -> Table:
    seconds = 10.0 if quick else 60.0
    server = EmbeddedPostgres(Path(tempfile.mkdtemp()), durable=True).start()
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as root:
            root.execute("CREATE ROLE app_readonly")
        resident, share = asyncio.run(_rest(seconds, server.dsn()))
    finally:
        server.remove()
    table = Table(
        f"The bot at rest for {seconds:.0f} s (HTTP, SQLite, the postgres adapter)",
        ("figure", "seen", "bar", "reached"),
    )
    megabytes = resident * 1.048576
    for figure, seen, bar, fine in (
        ("resident", f"{megabytes:.0f} MB", "120 MB", megabytes <= 120),
        ("CPU", f"{share * 100:.2f} %", "1 %", share <= 0.01),
    ):
        table.add(figure, seen, bar, table.bar(f"at rest: {figure}", seen, bar, fine=fine))
    return table


async def _rest(seconds: float, orders: str) -> tuple[float, float]:
    async with curfew(resources=4, orders=orders) as wire:
        await asyncio.sleep(SETTLE)
        before = _ticks(wire.process.pid)
        await asyncio.sleep(seconds)
        spent = (_ticks(wire.process.pid) - before) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{wire.process.pid}/status").read_text()  # noqa: ASYNC240 - not a disk
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024, spent / seconds


def _ticks(pid: int) -> int:
    """User and system time, in the kernel's ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
