"""Every figure of `docs/performance.md`, measured here and now.

    python -m bench [--quick] [--only NAME ...] [--markdown]
    python -m bench soak [--minutes N]               # something else: see bench/soak.py

Each runs in a process of its own, so that none finds the memory of another. Absolute times are
those of this machine at this moment; what is compared was measured in the same run. The last table
says of every bar whether it was reached. The exit code tells only whether all could be measured.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.machine import described
from bench.table import Table, say, summary

FIGURES = {
    "burst": "10,000 grants due in one second",
    "rivals": "the same through job libraries",
    "kill": "kill -9 in the middle of it",
    "replicas": "the same with three processes",
    "press": "Approve to login, and how late one end is",
    "adapters": "what an adapter adds to its provider's own client",
    "acks": "/access answered over HTTP",
    "lives": "whole lives a second beside the raw driver",
    "start": "start, lists and proofs on an old database",
    "idle": "the bot at rest",
}
"""By the module in here whose `measure(quick=...)` gives the table. One more is one more line."""


def main() -> int:
    if sys.argv[1:2] == ["soak"]:
        return int(importlib.import_module("bench.soak").main(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the load")
    parser.add_argument("--only", nargs="+", choices=sorted(FIGURES), metavar="NAME")
    parser.add_argument("--markdown", action="store_true", help="tables to paste into the docs")
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    wanted: list[str] = given.only or list(FIGURES)
    if given.to is not None:
        table = _module(wanted[0]).measure(quick=given.quick)
        given.to.write_text(json.dumps(asdict(table)))
        return 0
    tables = _measured(wanted, quick=given.quick, markdown=given.markdown)
    last = summary(tables)
    print(last.markdown()) if given.markdown else last.show()
    return 0 if len(tables) == len(wanted) else 1


def _measured(wanted: list[str], *, quick: bool, markdown: bool) -> list[Table]:
    """Those that could be measured, each shown as soon as it is."""
    print(described(quick=quick), flush=True)
    tables, began = [], time.monotonic()
    for number, name in enumerate(wanted, start=1):
        print(f"[{number}/{len(wanted)}] {name}: {FIGURES[name]}", file=sys.stderr, flush=True)
        since = time.monotonic()
        table = _apart(name, quick=quick)
        say(f"{time.monotonic() - since:.0f} s" if table else "FAILED")
        if table is not None:
            tables.append(table)
            print(table.markdown(), flush=True) if markdown else table.show()
    say(f"{time.monotonic() - began:.0f} s in all")
    return tables


def _apart(name: str, *, quick: bool) -> Table | None:
    """The table, made in a process of its own; None when that failed, and said why."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "table.json"
        words = [sys.executable, "-m", "bench", "--only", name, "--to", str(kept)]
        words += ["--quick"] if quick else []
        # What it prints is for whoever waits; the tables alone go to our own output.
        ended = subprocess.run(words, check=False, stdout=sys.stderr)  # noqa: S603 - ourselves
        return Table.of(json.loads(kept.read_text())) if ended.returncode == 0 else None


def _module(name: str):  # noqa: ANN202 - any of FIGURES
    return importlib.import_module(f"bench.{name}")


if __name__ == "__main__":
    sys.exit(main())
