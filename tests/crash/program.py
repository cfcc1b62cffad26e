"""The real bot, told to die at its k-th point: what the stage starts again and again.

A point is the moment before or after a transaction, a call to a provider or a call to Slack. The
shipped program knows nothing of points: they are put around the three doors to the outside here,
in the process that is about to run it. Each is written to a file under its number and name before
it is passed, so that the last line of a run that died says where.
"""

import functools
import os
import signal
import sys

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from adapters.base import Adapter
from bot.app.process import run_bot
from bot.config.settings import read_settings
from bot.engine.engine import Rhythm
from bot.slack.pace import Pace
from bot.storage.clock import Clock
from bot.storage.database import Database

P = ParamSpec("P")
T = TypeVar("T")

KILLED = 137
"""What a shell says of a process that was killed with -9."""

VERBS = ("grant", "revoke", "verify", "issue", "owned", "sessions")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is started with. `fatal` 0 is no point at all; files are made where absent."""

    environ: dict[str, str]
    points: Path
    clock: Path
    log: Path
    fatal: int = 0


@dataclass(slots=True)
class Points:
    """Counts, writes down and, at the fatal one, ends the process as a power cut would."""

    path: Path
    fatal: int
    count: int = field(default=0)
    _file: int = field(init=False)

    def __post_init__(self) -> None:
        """Open the list anew: it is this process's."""
        self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o600)

    def reach(self, name: str) -> None:
        self.count += 1
        os.write(self._file, f"{self.count} {name}\n".encode())
        if self.count == self.fatal:
            os._exit(KILLED)

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
    log = os.open(orders.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.clear()
    os.environ.update(orders.environ)
    os.chdir(orders.log.parent)
    sys.stderr.write(f"--- process {os.getpid()}, to die at {orders.fatal or 'no point'}\n")
    hurry()
    keep_time(orders.clock)
    place(Points(orders.points, orders.fatal))
    run_bot(read_settings(None))


def hurry() -> None:
    """Every job within a story of seconds, and a Slack that takes messages as they come."""
    soon = timedelta(seconds=0.5)
    Rhythm.__init__.__defaults__ = (soon / 2, soon, soon * 2, soon * 2, timedelta(hours=1))
    Pace.__init__.__kwdefaults__.update(rate=500.0, burst=500.0)


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

    Clock.__init__ = begin  # type: ignore[method-assign] # the one seam: the bot makes its own
    signal.signal(signal.SIGUSR1, move)


def _ahead(path: Path) -> timedelta:
    return timedelta(seconds=float(path.read_text() or 0))


def place(points: Points) -> None:
    """Put the points around every door of this process."""

    def write(_database: Database, change: Callable[..., object]) -> str:
        return f"write {_called(change)}"

    def call(_client: AsyncWebClient, method: str, **_rest: object) -> str:
        return f"slack {method}"

    def named(verb: str) -> Callable[Concatenate[Adapter, ...], str]:
        return lambda *_args, **_rest: f"provider {verb}"

    doors: list[tuple[type, str, Callable[..., str]]] = [
        (Database, "write", write),
        (AsyncWebClient, "api_call", call),
        *((Adapter, verb, named(verb)) for verb in VERBS),
    ]
    for owner, door, name in doors:
        setattr(owner, door, points.around(getattr(owner, door), name))


def _called(change: Callable[..., object]) -> str:
    """The name of a change: the ledger wraps what it is given."""
    cells = dict(zip(change.__code__.co_freevars, change.__closure__ or (), strict=True))
    inner = cells["change"].cell_contents if "change" in cells else change
    while isinstance(inner, functools.partial):
        inner = inner.func
    return str(getattr(inner, "__qualname__", inner)).replace(".<locals>", "")


