"""Every figure of `docs/performance.md`, measured here and now.

    python -m bench [--quick] [--only NAME ...]
    python -m bench soak [--minutes N]               # something else: see bench/soak.py

Each runs in a process of its own, so that none finds the memory of another. Absolute times are
those of this machine at this moment; what is compared was measured in the same run.
"""

import argparse
import importlib
import os
import subprocess
import sys
import time

FIGURES = {
    "burst": "10,000 grants due in one second",
    "rivals": "the same through job libraries",
    "kill": "kill -9 in the middle of it",
    "replicas": "the same with three processes",
    "press": "Approve to login, and how late one end is",
    "acks": "/access answered over HTTP",
    "lives": "whole lives a second beside the raw driver",
    "start": "start, lists and proofs on an old database",
    "idle": "the bot at rest",
}


def main() -> int:
    if sys.argv[1:2] == ["soak"]:
        return int(importlib.import_module("bench.soak").main(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the load")
    parser.add_argument("--only", nargs="+", choices=sorted(FIGURES), metavar="NAME")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    wanted = given.only or list(FIGURES)
    if given.here:
        return _here(wanted[0], quick=given.quick)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} before the start.\n", flush=True)
    failed = 0
    for name in wanted:
        failed += _apart(name, quick=given.quick)
    return 1 if failed else 0


def _here(name: str, *, quick: bool) -> int:
    importlib.import_module(f"bench.{name}").measure(quick=quick).show()
    return 0


def _apart(name: str, *, quick: bool) -> int:
    words = [sys.executable, "-m", "bench", "--here", "--only", name]
    began = time.monotonic()
    ended = subprocess.run([*words, *(["--quick"] if quick else [])], check=False)  # noqa: S603 - ourselves
    took = time.monotonic() - began
    print(f"({FIGURES[name]}: {took:.0f} s)\n", flush=True)
    return int(ended.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
