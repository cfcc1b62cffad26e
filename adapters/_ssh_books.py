"""What the ssh adapter keeps on disk: a file for each grant, and what was revoked.

The directory holds

- `lock`, made by whoever set it up: without it this is not our directory but, say, the place where
  a share is not mounted, and nothing is read from it or written;
- `curfew-<grant id>`, what a live grant is and the certificate in hand;
- `revoked.json`, the certificates that must not be taken any more, until they end by themselves;
- the list of revoked keys for sshd, unless the settings put it elsewhere: always made from
  `revoked.json`.

Every look and every change holds the lock, also between replicas that share the directory. A file
is replaced as a whole, and on disk before the next step. What was revoked is written before what
allows it is removed, so a call that died is repeated and loses nothing.
"""

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from adapters import _ssh_krl as krl
from adapters.base import RefusedError, UnreachableError

MARK = re.compile(r"curfew-[0-9a-hjkmnp-tv-z]{12}")
GLANCE = 0.01
"""Seconds between looks for the lock: another replica does not tell when it lets go."""

KEPT = 86_400
"""Seconds that a revoked certificate stays listed after its end, for hosts with a slow clock."""

UNKNOWN_END = 31 * KEPT
"""How long a certificate is listed whose end nobody knows any more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A live grant. `serial` is the certificate's in hand, 0 before the first; ends are seconds."""

    resource: str
    principals: tuple[str, ...]
    ends: int
    serial: int = 0
    serial_ends: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """What of a grant must not be taken any more: all of it when `ended`, else these serials."""

    ended: bool = False
    serials: tuple[int, ...] = ()
    until: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What the books and the list say of a grant. `is_damaged`: its file says nothing any more."""

    entry: Entry | None
    gone: Gone | None
    listed: krl.Revoked
    is_damaged: bool = False


class Page:
    """The books while the lock is held."""

    def __init__(self, directory: Path, shown: Path, now: datetime) -> None:
        self._directory = directory
        self._shown = shown
        self._now = now

    @property
    def seconds(self) -> int:
        return int(self._now.timestamp())

    def look(self, mark: str) -> Look:
        """All that is known of a grant. Raises `RefusedError` when `revoked.json` is damaged."""
        entry, is_damaged = None, False
        try:
            entry = _entry(self._place(mark).read_bytes())
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError):
            is_damaged = True
        return Look(entry, self._gone().get(mark), self.listed() or krl.Revoked(), is_damaged)

    def listed(self) -> krl.Revoked | None:
        """What the list says that hosts have; None when there is none."""
        try:
            return krl.decode(self._shown.read_bytes())
        except (FileNotFoundError, krl.NoListError):
            return None

    def marks(self) -> frozenset[str]:
        """The marks of all live grants."""
        names = (one.name for one in self._directory.iterdir() if one.is_file())
        return frozenset(name for name in names if MARK.fullmatch(name))

    def write(self, mark: str, entry: Entry) -> None:
        _replace(self._place(mark), json.dumps(asdict(entry)).encode(), mode=0o600)

    def remove(self, mark: str) -> None:
        self._place(mark).unlink(missing_ok=True)
        _settle(self._directory)

    def withdraw(self, mark: str, gone: Gone | None) -> None:
        """What must not be taken of this grant from now on, on disk and in the list for sshd."""
        before = self._gone()
        after = {
            key: one
            for key, one in before.items()
            if key != mark and one.until + KEPT > self.seconds
        }
        if gone is not None:
            after[mark] = gone
        if after != before:
            text = json.dumps({key: asdict(one) for key, one in sorted(after.items())})
            _replace(self._directory / "revoked.json", text.encode(), mode=0o600)
        wanted = krl.Revoked(
            frozenset(key for key, one in after.items() if one.ended),
            frozenset(number for one in after.values() if not one.ended for number in one.serials),
        )
        if self.listed() != wanted:
            _replace(self._shown, krl.encode(wanted, self._now), mode=0o644)

    def _gone(self) -> dict[str, Gone]:
        place = self._directory / "revoked.json"
        try:
            read = json.loads(place.read_bytes())
            return {key: _gone(one) for key, one in read.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError, KeyError):
            raise RefusedError(
                f"{place} is damaged, and with it what was revoked. Put it back from a copy; or"
                " exchange the CA and remove it."
            ) from None

    def _place(self, mark: str) -> Path:
        if not MARK.fullmatch(mark):
            raise RefusedError("This is no mark of ours.")
        return self._directory / mark


class Books:
    """The directory, for one program or several."""

    def __init__(self, directory: Path, shown: Path, *, patience: float) -> None:
        """`shown` is the list for sshd; `patience` is in seconds, for the lock. Opens nothing."""
        self._directory = directory
        self._shown = shown
        self._patience = patience
        self._mine = threading.Lock()

    @contextmanager
    def open(self, now: datetime, *, to_write: bool = True) -> Iterator[Page]:
        """The books, locked. Raises `UnreachableError` when that cannot be had in time."""
        until = time.monotonic() + self._patience
        if not self._mine.acquire(timeout=self._patience):
            raise _busy(self._directory)
        try:
            with self._lock(until, to_write=to_write):
                yield Page(self._directory, self._shown, now)
        finally:
            self._mine.release()

    @contextmanager
    def _lock(self, until: float, *, to_write: bool) -> Iterator[None]:
        place = self._directory / "lock"
        try:
            handle = os.open(place, (os.O_RDWR if to_write else os.O_RDONLY) | os.O_CLOEXEC)
        except FileNotFoundError:
            raise UnreachableError(
                f"{place} is not there. Is the share mounted? To make a new one:"
                f" mkdir -m 700 {self._directory} && touch {place}"
            ) from None
        try:
            kind = fcntl.LOCK_EX if to_write else fcntl.LOCK_SH
            while True:
                try:
                    fcntl.flock(handle, kind | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise _busy(self._directory) from None
                    time.sleep(GLANCE)
            yield
        finally:
            os.close(handle)


def _busy(directory: Path) -> UnreachableError:
    return UnreachableError(f"{directory} is held by another program, perhaps a replica")


def _entry(data: bytes) -> Entry:
    read = json.loads(data)
    entry = Entry(**{**read, "principals": tuple(read["principals"])})
    if not all(isinstance(n, int) for n in (entry.ends, entry.serial, entry.serial_ends)):
        raise ValueError(entry)
    return entry


def _gone(read: dict[str, object]) -> Gone:
    ended, serials, until = read["ended"], read["serials"], read["until"]
    if not isinstance(serials, list) or not isinstance(until, int):
        raise TypeError(read)
    return Gone(bool(ended), tuple(int(number) for number in serials), until)


def _replace(place: Path, data: bytes, *, mode: int) -> None:
    """The file has this content, or still the former one, whatever happens meanwhile."""
    fresh = place.with_name(f".{place.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(place)
    _settle(place.parent)


def _settle(directory: Path) -> None:
    """Names that changed in it are on disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
