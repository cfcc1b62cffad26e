"""A real MariaDB in a folder of its own, with TLS, on a free port of 127.0.0.1."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pymysql

from tests.conformance.certificates import Authority

WAIT = 30.0
PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")


def free_port() -> int:
    """Below those that connections are given, so that a server finds its own again after a stop."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def stopped(process: "subprocess.Popen[bytes]") -> None:
    """Send SIGSTOP and wait until no thread of it runs any more: that may take a moment."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


class MariaDB:
    """One server. Every statement is logged, so that a test can see that no password is in one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.authority = Authority.made(folder / "ca.pem")
        self._process: subprocess.Popen[bytes] | None = None
        # it refuses to run as root, unless told for whom
        self._account = ["--user=mysql"] if os.geteuid() == 0 else []

    @property
    def log(self) -> str:
        """All statements so far."""
        return (self.folder / "data" / "statements").read_text(errors="replace")

    def install(self) -> Self:
        data = self.folder / "data"
        command = ["mariadb-install-db", "--no-defaults", *self._account, f"--datadir={data}"]
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*command, *options], check=True, capture_output=True, cwd="/")  # noqa: S603 - our own command line
        certificate = self.authority.issue("127.0.0.1", self.folder)
        for path in (certificate.cert, certificate.key):
            path.chmod(0o644)  # the server's own account reads them; they are of this test only
        return self

    def start(self, *, secure: bool = True) -> None:
        """Ready to be connected to afterwards."""
        data = self.folder / "data"
        tls = [
            f"--ssl-ca={self.authority.path}",
            f"--ssl-cert={self.folder}/127.0.0.1.pem",
            f"--ssl-key={self.folder}/127.0.0.1.key",
        ]
        with (self.folder / "log").open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [
                    *("mariadbd", "--no-defaults", *self._account, f"--datadir={data}"),
                    *(f"--socket={data}/s", f"--pid-file={data}/pid", f"--port={self.port}"),
                    *("--bind-address=127.0.0.1", "--general-log=1", "--skip-name-resolve"),
                    *(f"--general-log-file={data}/statements", "--innodb-flush-method=fsync"),
                    *("--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"),
                    *(tls if secure else ["--skip-ssl"]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + WAIT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.02)

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as s,
        ):
            return bool(s.recv(1))
        return False

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(WAIT)

    def freeze(self) -> None:
        """Connections are taken and nothing is answered any more, until `thaw`."""
        assert self._process is not None
        stopped(self._process)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def root(self, *lines: str) -> list[tuple[object, ...]]:
        """Runs statements as the superuser; the rows of all of them."""
        rows: list[tuple[object, ...]] = []
        with (
            pymysql.connect(
                unix_socket=str(self.folder / "data" / "s"), user="root", autocommit=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            for line in lines:
                cursor.execute(line)
                rows += cursor.fetchall() if cursor.description else ()
        return rows


@contextmanager
def mariadb_server() -> Iterator[MariaDB]:
    """A running server with nothing in it; FileNotFoundError where it is not installed."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            raise FileNotFoundError(f"there is no {program}: apt-get install mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="curfew-mariadb-"))
    folder.chmod(0o755)  # the server's own account must come in
    server = MariaDB(folder).install()
    try:
        server.start()
        # by the socket file only, so it needs no password
        server.root(
            "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost'",
            "FLUSH PRIVILEGES",
        )
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
