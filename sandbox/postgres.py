"""A real PostgreSQL for the demo and the tests, in a directory of its own.

Rules that this module keeps:

- Loopback TCP only, SCRAM passwords only, no socket file, no password on a command line.
- Nothing outlives us: a watcher stops the server when this process goes away, however it goes.
- A directory left by a kill starts again; the data in it survives.
- PostgreSQL refuses to run as root, so root runs it as `postgres` or `nobody`. Where that account
  may not enter the directory or reach the programs, both live in a temporary directory instead.
"""

import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self
from urllib.parse import quote

from sandbox._postgres_host import (
    WAIT,
    Account,
    EmbeddedPostgresError,
    copy_programs,
    debian_binaries,
    family,
    free_port,
    signal_each,
    stop_former,
    wait_until,
    wheel_binaries,
)

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "StopMode",
    "debian_binaries",
    "wheel_binaries",
]

SUPERUSER = "postgres"

StopMode = Literal["smart", "fast", "immediate"]

_SIGNALS: Mapping[StopMode, signal.Signals] = MappingProxyType(
    {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
)
_PORT_TRIES = 5
_PORT_TAKEN = "could not bind"
_STILL_DYING = ("pre-existing shared memory block", 'lock file "postmaster.pid"')

# Reads until our end of the pipe closes, which the kernel does whatever kills us, then stops the
# server. It looks at the command's name first: the number may be another program's by then.
_WATCHER = """
read -r _
case "$(cat /proc/"$1"/comm 2>/dev/null)" in postgres) kill -INT "$1" ;; esac
"""


class EmbeddedPostgres:
    """One server. Blocking: call it from a thread where a loop must go on turning."""

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        *,
        binaries: Path | None = None,
        durable: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`port` 0 takes a free one: the former one where that is still free.

        `binaries` is a `bin` directory, else the wheel's newest. `durable` leaves fsync on, for
        measurements; without it a power cut may lose data. `settings` go to the server.
        Nothing is written or started yet.
        """
        self._directory = directory
        self._wanted_port = port
        self._port = port
        self._source = binaries
        self._durable = durable
        self._settings = dict(settings)
        self._account = Account()
        self._home: Path | None = None
        self._programs: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def home(self) -> Path:
        """Where data, log and password are: the directory, or its temporary stand-in."""
        if self._home is None:
            raise EmbeddedPostgresError("The server was never started.")
        return self._home

    @property
    def pid(self) -> int | None:
        """The server's process, None while it does not run."""
        server = self._server
        return server.pid if server is not None and server.poll() is None else None

    @property
    def psql(self) -> Path:
        """The client program of the same version."""
        return (self._programs or self._source or wheel_binaries()) / "psql"

    @property
    def password(self) -> str:
        """The superuser's."""
        return (self.home / "password").read_text().strip()

    def dsn(self, user: str = SUPERUSER, password: str | None = None, db: str = "postgres") -> str:
        """A URL to log in with; the superuser's password is filled in when none is given."""
        word = self.password if password is None and user == SUPERUSER else password
        login = quote(user, safe="") + (f":{quote(word, safe='')}" if word else "")
        return f"postgresql://{login}@127.0.0.1:{self._port}/{quote(db, safe='')}"

    def start(self) -> Self:
        """Ready to be connected to afterwards; harmless when it runs already."""
        if self.pid is not None:
            return self
        self._home = self._settle_in()
        self._programs = self._reachable_programs()
        if (
            not (self._home / "data" / "PG_VERSION").exists()
            or (self._home / "unfinished").exists()
        ):
            self._initialise(self._home)
        stop_former(self._home / "data")
        for _ in range(_PORT_TRIES):
            self._port = self._wanted_port or free_port(_number_in(self._home / "port"))
            if self._launch():
                (self._home / "port").write_text(str(self._port))
                return self
            if self._wanted_port:
                break
        raise EmbeddedPostgresError(f"Port {self._port} is in use: choose another one.")

    def stop(self, mode: StopMode = "fast") -> None:
        """Stopped afterwards; `immediate` is a crash that the next start recovers from."""
        self._end(_SIGNALS[mode])

    def kill(self) -> None:
        """Ends the server as a power cut would; its children follow by themselves."""
        self._end(signal.SIGKILL)

    def restart(self, mode: StopMode = "fast") -> None:
        """Stops and starts again on the same port."""
        wanted, self._wanted_port = self._wanted_port, self._port
        try:
            self.stop(mode)
            self.start()
        finally:
            self._wanted_port = wanted

    def freeze(self) -> None:
        """Connections are taken and nothing is answered any more, until `thaw`."""
        if self.pid is not None:
            signal_each(family(self.pid), signal.SIGSTOP)

    def thaw(self) -> None:
        if self.pid is not None:
            signal_each(family(self.pid)[::-1], signal.SIGCONT)

    def remove(self) -> None:
        """Stops the server and deletes all of it, the temporary stand-in included."""
        self.stop("immediate")
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _settle_in(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        home = self._directory.resolve()
        if self._account.is_other and not self._account.can_run(["test", "-x", str(home.parent)]):
            pointer = home / "elsewhere"
            former = Path(pointer.read_text()) if pointer.exists() else None
            if former is None or not self._account.owns(former):
                former = Path(tempfile.mkdtemp(prefix="curfew-postgres-"))
                pointer.write_text(str(former))
            home = former
        self._account.own(home)
        home.chmod(stat.S_IRWXU)
        return home

    def _reachable_programs(self) -> Path:
        source = self._source or wheel_binaries()
        if self._account.can_run([str(source / "postgres"), "--version"]):
            return source
        copy = self.home / "programs" / source.parent.parent.name / source.parent.name
        if not (copy / "bin" / "psql").exists():
            copy_programs(source.parent, copy)
        for folder in (self.home / "programs", copy.parent):
            folder.chmod(0o755)
        return copy / "bin"

    def _initialise(self, home: Path) -> None:
        unfinished, word, data = home / "unfinished", home / "password", home / "data"
        unfinished.touch()  # an initdb that was killed half-way is begun anew
        shutil.rmtree(data, ignore_errors=True)
        word.unlink(missing_ok=True)
        word.touch(stat.S_IRUSR | stat.S_IWUSR)
        word.write_text(secrets.token_urlsafe(24) + "\n")
        self._account.own(word)
        done = self._account.run(
            [
                *(str(self._program("initdb")), "-D", str(data), "-U", SUPERUSER),
                *("-A", "scram-sha-256", f"--pwfile={word}", "-E", "UTF8", "--locale=C"),
                *("--no-instructions", *([] if self._durable else ["--no-sync"])),
            ]
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed: {done.stderr[-600:].strip()}")
        unfinished.unlink()

    def _program(self, name: str) -> Path:
        return (self._programs or wheel_binaries()) / name

    def _launch(self) -> bool:
        """True when it is ready, False when somebody else has the port."""
        deadline = time.monotonic() + WAIT
        log = self.home / "log"
        while True:
            with log.open("wb") as sink:
                server = self._account.spawn(self._command(), output=sink)
            arguments = ["/bin/sh", "-c", _WATCHER, "sh", str(server.pid)]
            watcher = self._account.spawn(arguments, output=subprocess.DEVNULL, piped=True)
            self._server, self._watcher = server, watcher
            if wait_until(lambda: self._is_ready() or self.pid is None, WAIT) and self.pid:
                return True
            self.kill()
            said = log.read_text(errors="replace")
            if _PORT_TAKEN in said:
                return False
            dying = any(sign in said for sign in _STILL_DYING)
            if not dying or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL did not start: {said[-600:].strip()}")
            time.sleep(0.05)  # children of a killed server are still letting go of its memory

    def _is_ready(self) -> bool:
        """The last line of the lock file says so, as `pg_ctl` reads it."""
        try:
            lines = (self.home / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return lines[:1] == [str(self.pid)] and lines[-1].strip() == "ready"

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "120",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self._durable else {"fsync": "off"}),
            **self._settings,
        }
        options = [word for name in settings for word in ("-c", f"{name}={settings[name]}")]
        return [str(self._program("postgres")), "-D", str(self.home / "data"), *options]

    def _end(self, number: signal.Signals) -> None:
        server, watcher = self._server, self._watcher
        if server is not None:
            if server.poll() is None:
                server.send_signal(signal.SIGCONT)  # a frozen one hears nothing else
                self.thaw()
                server.send_signal(number)
            try:
                server.wait(WAIT)
            except subprocess.TimeoutExpired:
                signal_each(family(server.pid), signal.SIGKILL)
                server.wait(WAIT)
        if watcher is not None:
            watcher.kill()
            watcher.communicate()
        self._server = self._watcher = None


def _number_in(file: Path) -> int:
    return int(file.read_text()) if file.exists() else 0
