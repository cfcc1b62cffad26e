"""The real bot at rest: what it holds and what it burns, with one policy and nothing to do."""

import asyncio
import os
from pathlib import Path

from bench.slack import curfew
from bench.table import Table, held

SETTLE = 10.0


def measure(*, quick: bool) -> Table:
    seconds = 10.0 if quick else 60.0
    resident, share = asyncio.run(_rest(seconds))
    table = Table(
        f"The bot at rest for {seconds:.0f} s (HTTP, SQLite, the demo adapter)",
        ("figure", "seen", "bar", "reached"),
    )
    table.add("resident", f"{resident:.0f} MiB", "120 MB", held(resident * 1.048576 <= 120))
    table.add("CPU", f"{share * 100:.2f} %", "1 %", held(share <= 0.01))
    return table


async def _rest(seconds: float) -> tuple[float, float]:
    async with curfew(resources=4) as wire:
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
