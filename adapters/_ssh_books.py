"""What the ssh adapter keeps on disk: a file for each grant, and what was revoked.

The directory holds

- `lock`, made by whoever set it up: without it this is not our directory but, say, the place where
  a share is not mounted, and nothing is read from it or written;
- `curfew-<grant id>`, what a live grant is and the certificate in hand;
- `revoked.json`, the certificates that must not be taken any more, until they end by themselves;
- the list of revoked keys for sshd, unless the settings put it elsewhere: always made from
  `revoked.json`.

Every look and every change holds the lock, also between replicas that share the directory. Whoever
waits for it here is served with the one that gets it: changes that come together share their
writes. A file is replaced as a whole. What was revoked is on disk before what allows it is
removed, so a call that died is repeated and loses nothing.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from adapters._ssh_page import Change, Look, Memory, Page
from adapters.base import RefusedError, UnreachableError

T = TypeVar("T")

GLANCE = 0.01
"""Seconds between looks for the lock: another replica does not tell when it lets go."""

Act = Callable[[Look, int], Change]
"""What the books say of a grant next, from what they say and the time in seconds."""


@dataclass(slots=True, eq=False)
class _Request:
    """One change, wanted `until` then. Woken when it was served, or is to serve all that wait."""

    mark: str
    act: Act
    until: float
    made: Change | None = None
    error: Exception | None = None
    leads: bool = False
    woken: threading.Event = field(default_factory=threading.Event)

    def serve(self, page: Page) -> None:
        """What is refused is nobody else's trouble."""
        try:
            self.made = self.act(page.look(self.mark), page.now)
        except RefusedError as error:
            self.error = error
        else:
            page.put(self.mark, self.made)

    def result(self) -> Change:
        if self.error is not None or self.made is None:
            raise self.error or UnreachableError("the books were not written")
        return self.made


class _Queue:
    """Who waits to change something. One of them leads, and serves the others."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: list[_Request] = []
        self._is_led = False

    def join(self, request: _Request) -> None:
        with self._guard:
            self._waiting.append(request)
            request.leads, self._is_led = not self._is_led, True

    def leave(self, request: _Request) -> bool:
        """False when it is too late: it is being served, or leads."""
        with self._guard:
            if request.leads or request not in self._waiting:
                return False
            self._waiting.remove(request)
            return True

    def taken(self) -> list[_Request]:
        with self._guard:
            taken, self._waiting = self._waiting, []
        return taken

    def pass_on(self) -> None:
        """The first of those who came meanwhile leads."""
        with self._guard:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.set()


class Books:
    """The directory, for one program or several. All of it blocks."""

    def __init__(self, directory: Path, shown: Path, *, patience: float) -> None:
        """`shown` is the list for sshd; `patience` is in seconds, for the lock. Opens nothing."""
        self._directory = directory
        self._shown = shown
        self._patience = patience
        self._mine = threading.Lock()
        self._queue = _Queue()
        self._memory = Memory()

    def look(self, see: Callable[[Page], T]) -> T:
        """What somebody sees. Raises `UnreachableError` when the lock cannot be had in time."""
        until = time.monotonic() + self._patience
        with self._turn(until), self._lock(until, fcntl.LOCK_SH):
            return see(self._page())

    def change(self, mark: str, act: Act) -> Change:
        """What the books say of the grant afterwards, on disk.

        Raises as `look`, and what `act` does.
        """
        request = _Request(mark, act, time.monotonic() + self._patience)
        self._queue.join(request)
        if not request.leads and not request.woken.wait(self._patience):
            if self._queue.leave(request):
                raise self._busy()
            request.woken.wait(self._patience)
        if request.leads:
            try:
                self._serve(self._queue.taken(), request.until)
            finally:
                self._queue.pass_on()
        return request.result()

    def _serve(self, requests: list[_Request], until: float) -> None:
        """All of them with one writing; when that fails, it failed for all."""
        try:
            with self._turn(until), self._lock(until, fcntl.LOCK_EX):
                page = self._page()
                for request in requests:
                    request.serve(page)
                page.commit()
        except Exception as error:  # noqa: BLE001 - handed to those whom it is for
            for request in requests:
                request.made, request.error = None, request.error or error
        for request in requests:
            request.woken.set()

    def _page(self) -> Page:
        return Page(self._directory, self._shown, self._memory, int(time.time()))

    @contextmanager
    def _turn(self, until: float) -> Iterator[None]:
        """One thread of ours at a time; whoever comes late tries once."""
        if not self._mine.acquire(timeout=max(0.0, until - time.monotonic())):
            raise self._busy()
        try:
            yield
        finally:
            self._mine.release()

    @contextmanager
    def _lock(self, until: float, kind: int) -> Iterator[None]:
        place = self._directory / "lock"
        try:
            mode = os.O_RDWR if kind == fcntl.LOCK_EX else os.O_RDONLY
            handle = os.open(place, mode | os.O_CLOEXEC)
        except FileNotFoundError:
            raise UnreachableError(
                f"{place} is not there. Is the share mounted? To make a new one:"
                f" mkdir -m 700 {self._directory} && touch {place}"
            ) from None
        try:
            while not _locked(handle, kind):
                if time.monotonic() > until:
                    raise self._busy()
                time.sleep(GLANCE)
            yield
        finally:
            os.close(handle)

    def _busy(self) -> UnreachableError:
        return UnreachableError(f"{self._directory} is held by another program, perhaps a replica")


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
