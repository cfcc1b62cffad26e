"""The books of the ssh adapter while the lock is held: what they say, and what is put in."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from adapters import _ssh_krl as krl
from adapters.base import RefusedError

T = TypeVar("T")

MARK = re.compile(r"curfew-[0-9a-hjkmnp-tv-z]{12}")
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


@dataclass(frozen=True, slots=True)
class Change:
    """What the books say of a grant from now on; None where it is not in them."""

    entry: Entry | None
    gone: Gone | None


@dataclass(slots=True)
class Memory:
    """Files as they were read last, so that nothing is read into values twice."""

    known: dict[Path, tuple[bytes, object]] = field(default_factory=dict)

    def read(self, place: Path, parse: Callable[[bytes], T]) -> T:
        """The file's value; it is read in any case, and believed only where it is the same."""
        data = place.read_bytes()
        known = self.known.get(place)
        if known is not None and known[0] == data:
            return known[1]  # type: ignore[return-value] # of the same parser
        value = parse(data)
        self.known[place] = (data, value)
        return value

    def wrote(self, place: Path, data: bytes, value: object) -> None:
        """What would be read now."""
        self.known[place] = (data, value)


class Page:
    """One look or one writing. Nothing is on disk before `commit`."""

    def __init__(self, directory: Path, shown: Path, memory: Memory, now: int) -> None:
        """`now` is in seconds since 1970."""
        self.now = now
        self._directory = directory
        self._shown = shown
        self._memory = memory
        self._changed: dict[str, Change] = {}
        self._looks: dict[str, Look] = {}

    def look(self, mark: str) -> Look:
        """All that is known of a grant. Raises `RefusedError` when `revoked.json` is damaged."""
        entry, is_damaged = None, False
        try:
            entry = _entry(self._place(mark).read_bytes())
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError):
            is_damaged = True
        look = Look(entry, self._gone.get(mark), self._listed or krl.Revoked(), is_damaged)
        self._looks[mark] = look
        changed = self._changed.get(mark)
        return look if changed is None else Look(changed.entry, changed.gone, look.listed)

    @property
    def has_list(self) -> bool:
        """There is one for hosts."""
        return self._listed is not None

    @cached_property
    def _listed(self) -> krl.Revoked | None:
        try:
            return self._memory.read(self._shown, krl.decode)
        except (FileNotFoundError, krl.NoListError):
            return None

    def marks(self) -> frozenset[str]:
        """The marks of all live grants."""
        names = (one.name for one in self._directory.iterdir() if one.is_file())
        return frozenset(name for name in names if MARK.fullmatch(name))

    def put(self, mark: str, change: Change) -> None:
        """What is to be on disk. For a mark that was looked at."""
        self._changed[mark] = change

    def commit(self) -> None:
        """Write all that was put: first what is revoked, then what allows anything."""
        _replace(self._lists(), mode=0o600, readable=self._shown)
        wanted: dict[Path, bytes] = {}
        removed = False
        for mark, change in self._changed.items():
            look, place = self._looks[mark], self._place(mark)
            if change.entry is None:
                place.unlink(missing_ok=True)
                removed |= look.entry is not None or look.is_damaged
            elif change.entry != look.entry:
                wanted[place] = json.dumps(asdict(change.entry)).encode()
        _replace(wanted, mode=0o600)
        if removed and not wanted:
            _settle(self._directory)

    def _lists(self) -> dict[Path, bytes]:
        """What is revoked, for us and for sshd, where either is to be another."""
        before, found = self._gone, dict[Path, bytes]()
        after = {mark: one for mark, one in before.items() if one.until + KEPT > self.now}
        for mark, change in self._changed.items():
            after.pop(mark, None)
            if change.gone is not None:
                after[mark] = change.gone
        if after != before:
            found[self._revoked] = _written(after)
            self._memory.wrote(self._revoked, found[self._revoked], after)
        wanted = krl.Revoked(
            frozenset(mark for mark, one in after.items() if one.ended),
            frozenset(number for one in after.values() if not one.ended for number in one.serials),
        )
        if self._listed != wanted:
            found[self._shown] = krl.encode(wanted, self.now)
            self._memory.wrote(self._shown, found[self._shown], wanted)
        return found

    @cached_property
    def _gone(self) -> Mapping[str, Gone]:
        try:
            return self._memory.read(self._revoked, _read)
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError, KeyError):
            raise RefusedError(
                f"{self._revoked} is damaged, and with it what was revoked. Put it back from a"
                " copy; or exchange the CA and remove it."
            ) from None

    @property
    def _revoked(self) -> Path:
        return self._directory / "revoked.json"

    def _place(self, mark: str) -> Path:
        if not MARK.fullmatch(mark):
            raise RefusedError("This is no mark of ours.")
        return self._directory / mark


def _entry(data: bytes) -> Entry:
    read = json.loads(data)
    entry = Entry(**{**read, "principals": tuple(read["principals"])})
    if not all(isinstance(n, int) for n in (entry.ends, entry.serial, entry.serial_ends)):
        raise ValueError(entry)
    return entry


def _written(gone: Mapping[str, Gone]) -> bytes:
    parts = {
        mark: {"ended": one.ended, "serials": one.serials, "until": one.until}
        for mark, one in gone.items()
    }
    return json.dumps(parts).encode()


def _read(data: bytes) -> Mapping[str, Gone]:
    """Raises `ValueError` and its like for anything but what `_written` gives."""
    found = {}
    for mark, one in json.loads(data).items():
        serials, until = one["serials"], one["until"]
        if not isinstance(serials, list) or not isinstance(until, int):
            raise TypeError(mark)
        found[mark] = Gone(bool(one["ended"]), tuple(map(int, serials)), until)
    return found


def _replace(files: Mapping[Path, bytes], *, mode: int, readable: Path | None = None) -> None:
    """Each file has this content, or still the former one, whatever happens meanwhile.

    When this returns, all of it is on disk. Everybody may read `readable`.
    """
    handles: dict[Path, int] = {}
    try:
        for place, data in files.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            handles[place] = handle = os.open(_fresh(place), flags, mode)
            os.fchmod(handle, 0o644 if place == readable else mode)
            with os.fdopen(handle, "wb", closefd=False) as file:
                file.write(data)
        for handle in handles.values():
            os.fsync(handle)
    finally:
        for handle in handles.values():
            os.close(handle)
    for place in files:
        _fresh(place).replace(place)
    for directory in {place.parent for place in files}:
        _settle(directory)


def _fresh(place: Path) -> Path:
    return place.with_name(f".{place.name}.new")


def _settle(directory: Path) -> None:
    """Names that changed in it are on disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
