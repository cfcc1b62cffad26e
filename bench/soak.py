"""Lives by the thousand under kills and faults, until the time is up: `make soak`.

    make soak ARGS="[--minutes 30] [--on sqlite,postgresql] [--half real,moved] [--seed N]"

Two halves on each database, all at once, each in processes of its own. `real` (`bench/real.py`):
the real program with Slack, a protected PostgreSQL and its own database outside, killed and misled.
`moved` (`bench/moved.py`): the engine with a provider that has moods and a clock that is moved
instead of waited for; each round ends with a power cut. From ten minutes on, `real` first dies once
at each point that has a name. After every round the invariants are looked at.

Ends with one line of JSON; violations are in it, each with what it takes to play it again:
`--seed` and `--round`. Exit code 1 when there was one.
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Thread
from typing import Final, cast

DATABASES: Final = ("sqlite", "postgresql")
HALVES: Final = ("real", "moved")
STREAMS: Final = {"real": 1, "moved": 3}
"""Processes of each half. The moved ones mostly wait: a line is told when the one before was."""

GRACE: Final = 300.0
"""Seconds after the time is up in which a round that has begun comes to its end."""
INTERRUPTED: Final = 130
"""What a shell says of Ctrl-C."""


@dataclass
class Part:
    """One process of the soak, and what it told of itself."""

    half: str
    on: str
    stream: int
    process: "subprocess.Popen[str]"
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.on} {self.half} {self.stream}"

    def hear(self, line: str) -> None:
        """One line of JSON; anything else is no good sign."""
        try:
            told = json.loads(line)
        except ValueError:
            told = {"violation": f"{self.name} said: {line[:500]}"}
        self.counts.update(told.get("counts", {}))
        if "violation" in told:
            self.violations.append(told["violation"])
            print(f"\nVIOLATION {told['violation']}", flush=True)


def main(words: list[str]) -> int:
    """The exit code: 1 when something did not hold."""
    given = _parser().parse_args(words)
    if given.here is not None:
        from bench.part import play  # noqa: PLC0415 - the parent needs nothing of it

        return play(given)
    began = time.monotonic()
    print(f"seed {given.seed}, {given.minutes:g} minutes", flush=True)
    interrupted = False
    with _parts(given) as parts:
        try:
            _listen(parts, began, given.minutes * 60)
        except KeyboardInterrupt:
            interrupted = True
    code = _summary(parts, given.seed, time.monotonic() - began)
    return INTERRUPTED if interrupted else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--on", type=_some_of(DATABASES), default=DATABASES)
    parser.add_argument("--half", type=_some_of(HALVES), default=HALVES)
    parser.add_argument("--round", type=int, help="only this one, to see it again")
    parser.add_argument("--stream", type=int, help="with --round: of that process")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    return parser


def _some_of(known: tuple[str, ...]) -> "object":
    def read(words: str) -> tuple[str, ...]:
        wanted = tuple(words.split(","))
        if not set(wanted) <= set(known):
            raise argparse.ArgumentTypeError(f"some of {','.join(known)}, please")
        return wanted

    return read


# --- processes --------------------------------------------------------------------------------


@contextmanager
def _parts(given: argparse.Namespace) -> Iterator[list[Part]]:
    """All processes at work; none is left at the end, whatever ends this."""
    parts: list[Part] = []
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for on in given.on:
            for half in given.half:
                streams = range(STREAMS[half]) if given.stream is None else [given.stream]
                parts += [_begin(given, half, on, stream) for stream in streams]
        yield parts
    finally:
        for part in parts:
            part.process.send_signal(signal.SIGTERM)
        for part in parts:
            try:
                part.process.wait(30)
            except subprocess.TimeoutExpired:
                part.process.kill()
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _begin(given: argparse.Namespace, half: str, on: str, stream: int) -> Part:
    words = [sys.executable, "-W", "ignore", "-m", "bench", "soak", "--here", f"{half} {on}"]
    words += ["--seed", str(given.seed), "--minutes", str(given.minutes), "--stream", str(stream)]
    words += ["--round", str(given.round)] if given.round is not None else []
    process = subprocess.Popen(  # noqa: S603 - ourselves
        words,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Part(half, on, stream, process)


def _listen(parts: list[Part], began: float, seconds: float) -> None:
    """Until all have ended; shows how far things are."""
    lines: Queue[tuple[Part, str]] = Queue()
    for part in parts:
        Thread(target=_read, args=(part, lines), daemon=True).start()
    shown, running = began, set(range(len(parts)))
    while running:
        try:
            part, line = lines.get(timeout=1.0)
        except Empty:
            pass
        else:
            if line:
                part.hear(line)
            else:
                running.discard(parts.index(part))
        elapsed = time.monotonic() - began
        if elapsed > seconds + GRACE:
            for index in running:
                parts[index].hear(json.dumps({"violation": f"{parts[index].name} does not end"}))
            return
        if time.monotonic() - shown > (1 if sys.stdout.isatty() else 60):
            shown = time.monotonic()
            _show(parts, elapsed, seconds)
    _show(parts, time.monotonic() - began, seconds)


def _read(part: Part, lines: "Queue[tuple[Part, str]]") -> None:
    assert part.process.stdout is not None
    for line in part.process.stdout:
        lines.put((part, line))
    if part.process.wait() not in {0, -signal.SIGTERM}:
        told = {"violation": f"{part.name} ended with {part.process.returncode}"}
        lines.put((part, json.dumps(told)))
    lines.put((part, ""))


# --- telling ----------------------------------------------------------------------------------


def _show(parts: list[Part], elapsed: float, seconds: float) -> None:
    said = [f"{part.name}: {part.counts['lives']:,}" for part in parts]
    line = f"{elapsed / 60:.1f} of {seconds / 60:g} min; lives on {', '.join(said)}"
    wrong = sum(len(part.violations) for part in parts)
    line += f"; violations: {wrong}"
    print(f"\r{line}" if sys.stdout.isatty() else line, end="", flush=True)
    if not sys.stdout.isatty():
        print(flush=True)


def _summary(parts: list[Part], seed: int, seconds: float) -> int:
    """A table for people, and the last line for programs."""
    print()
    for part in parts:
        plain = {name: n for name, n in sorted(part.counts.items()) if not name.startswith("(")}
        said = ", ".join(f"{n:,} {name}" for name, n in plain.items())
        pace = part.counts["lives"] / (seconds / 60)
        wrong = len(part.violations)
        print(f"{part.name}: {said or 'nothing'} ({pace:.0f} lives a minute); violations: {wrong}")
    violations = [one for part in parts for one in part.violations]
    totals = sum((part.counts for part in parts), Counter[str]())
    told = {
        "seed": seed,
        "minutes": round(seconds / 60, 1),
        "processors": os.cpu_count(),
        **{name: totals[name] for name in ("lives", "kills", "faults")},
        "violations": violations,
        "parts": {part.name: dict(sorted(part.counts.items())) for part in parts},
    }
    print(json.dumps(cast("object", told)), flush=True)
    return 1 if violations or not totals["lives"] else 0
