"""The file beside and under an SQLite database: may we use it, and are we alone?"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.storage.errors import OccupiedError, UnusableError

NETWORK_FILESYSTEMS: Final = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    }
)
"""Where file locks and shared memory cannot be relied on, and so neither can WAL."""

PROBE_TRIES: Final = 10
PROBE_S: Final = 0.02

MOUNTS: Final = Path("/proc/self/mountinfo")


def check(path: Path, *, create: bool) -> None:
    """Refuses what SQLite could not live in, in one sentence with a way out.

    With `create` an absent file is made, readable by its owner alone.
    """
    folder = path.parent
    if not folder.is_dir():
        raise UnusableError(
            f"The directory of the database does not exist: {folder}.",
            hint=f"Make it with `mkdir -p {folder}`, or set DATABASE_URL to another place.",
        )
    if path.is_dir():
        raise UnusableError(
            f"The database path is a directory: {path}.",
            hint="Name a file in it, as in sqlite+aiosqlite:///path/curfew.db.",
        )
    if filesystem := network_filesystem(folder, MOUNTS):
        raise UnusableError(
            f"The database lies on a network file system ({filesystem}), where locks are not kept.",
            hint="Move it to a local disk, or use PostgreSQL.",
        )
    if not path.exists():
        if not create:
            raise UnusableError(
                f"There is no database at {path}.",
                hint="Start the bot once, or run `curfew db upgrade`, or correct DATABASE_URL.",
            )
        _make(path)
    _check_writable(path)


def _make(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise UnusableError(
            f"The database file cannot be made: {path} ({os.strerror(error.errno or 0)}).",
            hint="Give the account that runs Curfew write access to the directory.",
        ) from error


def _check_writable(path: Path) -> None:
    # The directory too: the log and the lock stand beside the file.
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            raise UnusableError(
                f"Curfew may not write to {place}.",
                hint="Let the account that runs Curfew write to the file and its directory.",
            )


def network_filesystem(folder: Path, mounts: Path) -> str | None:
    """The kind of network file system that `folder` is on; None when local or unknown."""
    try:
        device = folder.stat().st_dev
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None  # not Linux: nothing to be known here
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        head, _, tail = line.partition(" - ")
        if head.split()[2] == number:
            kind = tail.split()[0]
            return kind if kind in NETWORK_FILESYSTEMS else None
    return None


class LockFile:
    """Held by the one bot that works on an SQLite file, from its start to its end.

    The kernel frees it when the process dies, however it dies. The text in it is for people.
    """

    def __init__(self, database: Path) -> None:
        """Nothing is taken yet."""
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """OccupiedError when somebody has it."""
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        for left in reversed(range(PROBE_TRIES)):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                who = os.pread(handle, 200, 0).decode(errors="replace").strip()
                # No name in it: most likely a command that only asks, and is gone in a moment.
                if who or not left:
                    os.close(handle)
                    raise OccupiedError(
                        f"Another Curfew runs on this database: {who or 'it just started'}.",
                        hint="Stop it first. For several at once use PostgreSQL.",
                    ) from None
                time.sleep(PROBE_S)
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        self._file = handle

    @property
    def held(self) -> bool:
        return self._file is not None

    def taken_by_other(self) -> bool:
        """Whether a bot has it. Leaves no name, so that a bot that starts now is not put off."""
        if self.held:
            return False
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def free(self) -> None:
        """May be repeated."""
        if self._file is not None:
            os.truncate(self._file, 0)
            os.close(self._file)
            self._file = None


@contextmanager
def turn(database: Path) -> Iterator[None]:
    """Waits for, and holds, the right to change the schema of an SQLite file."""
    path = database.with_name(database.name + ".upgrade.lock")
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
