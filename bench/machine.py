"""What the figures were measured on: they mean little without it."""

import os
import platform
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

DISK_FOR = 0.5
"""Seconds in which the disk is tried."""


def described(*, quick: bool) -> str:
    """A paragraph for above the tables."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    how = "with `--quick` (a tenth of the load)" if quick else "in full"
    return (
        f"Measured {how} on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {cores} cores"
        f" ({_processor()}), {_memory():.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" {_syncs():,.0f} fdatasync/s, load {load:.1f} before the start.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _syncs() -> float:
    """How often a second a page of 4 KiB is put on the disk, one after the other."""
    page, count = bytes(4096), 0
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        began = time.perf_counter()
        while time.perf_counter() - began < DISK_FOR:
            os.pwrite(file.fileno(), page, 0)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - began)
