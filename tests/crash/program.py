"""The real bot, told to die at a point: what the stage starts again and again.

A point is the moment before or after a transaction, a call to a provider or a call to Slack, named
by what it is about. The shipped program knows nothing of points: they are put around the three
doors to the outside here, in the process that is about to run it. Each is written down under its
number and name before it is passed, so that the last line of a run that died says where.
"""

import functools
import os
import re
import signal
import sys
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from adapters.base import Adapter
from bot.app.process import run_bot
from bot.config.settings import read_settings
from bot.domain.record import EventKind, QueuedNotice
from bot.engine.engine import Rhythm
from bot.engine.recorder import Outcome
from bot.slack.pace import Pace
from bot.storage.clock import Clock
from bot.storage.database import Database

P = ParamSpec("P")
T = TypeVar("T")

KILLED = 137
"""What a shell says of a process that was killed with -9."""

VERBS = ("grant", "revoke", "verify", "issue", "owned", "sessions")


@dataclass(frozen=True, slots=True)
class Fate:
    """Where to die. Nowhere, unless something is said.

    `number`: at the point of that number, counted from the start of the process.
    `known`: at the first point whose name is not in that file, and is one of every `share`
    names (`turn` says which); the name is then written there.
    """

    number: int = 0
    known: Path | None = None
    share: int = 1
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is started with. Files are made where absent."""

    environ: dict[str, str]
    points: Path
    clock: Path
    log: Path
    fate: Fate = Fate()


@dataclass(slots=True)
class Points:
    """Counts, writes down and, at the fatal one, ends the process as a power cut would."""

    path: Path
    fate: Fate
    count: int = field(default=0)
    _known: set[str] = field(init=False)
    _file: int = field(init=False)

    def __post_init__(self) -> None:
        """Open the list anew: it is this process's."""
        known = self.fate.known
        self._known = set(known.read_text().splitlines()) if known and known.exists() else set()
        self._file = _append(self.path)

    def reach(self, name: str) -> None:
        self.count += 1
        os.write(self._file, f"{self.count} {name}\n".encode())
        if self.count == self.fate.number or self._is_new(name):
            os._exit(KILLED)

    def _is_new(self, name: str) -> bool:
        fate = self.fate
        if fate.known is None or name in self._known:
            return False
        if zlib.crc32(name.encode()) % fate.share != fate.turn % fate.share:
            return False
        os.write(_append(fate.known), f"{name}\n".encode())
        return True

    def around(
        self, door: Callable[P, Awaitable[T]], name: Callable[P, str]
    ) -> Callable[P, Awaitable[T]]:
        """The same door with a point on either side. A call that fails has no second one."""

        @functools.wraps(door)
        async def passed(*args: P.args, **kwargs: P.kwargs) -> T:
            called = name(*args, **kwargs)
            self.reach(f"before {called}")
            result = await door(*args, **kwargs)
            self.reach(f"after {called}")
            return result

        return passed


def live(orders: Orders) -> None:
    """Be the bot until killed or told to stop. The entry of a fresh process."""
    # Not of the terminal's group: Ctrl-C is for whoever runs the tests.
    os.setsid()
    log = _append(orders.log)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.clear()
    os.environ.update(orders.environ)
    os.chdir(orders.log.parent)
    sys.stderr.write(f"--- process {os.getpid()}, {orders.fate}\n")
    hurry()
    keep_time(orders.clock)
    place(Points(orders.points, orders.fate))
    run_bot(read_settings(None))


def hurry() -> None:
    """Every job within a story of seconds, and a Slack that takes messages as they come."""
    soon = timedelta(seconds=0.5)
    quick = {"tick": soon / 2, "watch": soon, "sweep": soon * 2, "prove": soon * 2}
    Rhythm.__init__.__defaults__ = tuple(quick.get(one.name, one.default) for one in fields(Rhythm))
    (Pace.__init__.__kwdefaults__ or {}).update(rate=500.0, burst=500.0)


def keep_time(path: Path) -> None:
    """Every clock of this process goes ahead by what the file says, read again at SIGUSR1."""
    born: list[Clock] = []
    made = Clock.__init__

    def begin(clock: Clock, offset: timedelta = timedelta(0)) -> None:
        made(clock, offset + _ahead(path))
        born.append(clock)

    def move(_number: int, _frame: object) -> None:
        for clock in born:
            clock.offset = _ahead(path)

    Clock.__init__ = begin  # type: ignore[method-assign, assignment] # the one seam
    signal.signal(signal.SIGUSR1, move)


def _ahead(path: Path) -> timedelta:
    return timedelta(seconds=float(path.read_text() or 0))


def place(points: Points) -> None:
    """Put the points around every door of this process."""

    def write(_database: Database, change: Callable[..., object]) -> str:
        return f"write {_called(change)}"

    def call(_client: AsyncWebClient, method: str, **rest: object) -> str:
        return " ".join(["slack", method, *_told(rest.get("json"))])

    def named(verb: str) -> Callable[..., str]:
        return lambda *_args, **_rest: f"provider {verb}"

    doors: list[tuple[type, str, Callable[..., str]]] = [
        (Database, "write", write),
        (AsyncWebClient, "api_call", call),
        *((Adapter, verb, named(verb)) for verb in VERBS),
    ]
    for owner, door, name in doors:
        setattr(owner, door, points.around(getattr(owner, door), name))


def _called(change: Callable[..., object]) -> str:
    """The name of a change, and what it is about: the ledger wraps what it is given."""
    about: set[str] = set()
    while True:
        if isinstance(change, functools.partial):
            about |= {_about(value) for value in (*change.args, *change.keywords.values())}
            change = change.func
            continue
        code = getattr(change, "__code__", None)
        names = code.co_freevars if code is not None else ()
        cells = [cell.cell_contents for cell in getattr(change, "__closure__", None) or ()]
        held = dict(zip(names, cells, strict=True))
        about |= {_about(value) for value in held.values()}
        if "change" not in held:
            break
        change = held["change"]
    name = str(getattr(change, "__qualname__", change)).replace(".<locals>", "")
    return " ".join([name, *sorted(about - {""})])


def _about(value: object) -> str:
    """What a change is about, where one can tell: a notice, what is due, an event."""
    if isinstance(value, QueuedNotice):
        return value.notice.kind.value
    if isinstance(value, EventKind):
        return value.value
    if isinstance(value, list | tuple):
        return ",".join(sorted({one.job.due for one in value if isinstance(one, Outcome)}))
    return ""


def _told(said: object) -> list[str]:
    """The role of a message, and of an audit line its first words."""
    metadata = said.get("metadata") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(metadata, dict):
        return []
    role = str(metadata["event_payload"]["role"])
    first = str(said["text"]).split("·")[0].strip() if role in {"audit", "thread"} else ""
    return [role, re.sub(r"\d+", "n", first.split("<")[0])[:24].strip()]


def _append(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
