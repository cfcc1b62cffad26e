"""The embedded PostgreSQL: quick, private, and gone when we are."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox.postgres import EmbeddedPostgres, EmbeddedPostgresError, wheel_binaries

pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "pg")
    yield made
    made.remove()


def ask(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
def test_data_survives_every_way_to_end(server: EmbeddedPostgres, end: str) -> None:
    """A restart on the same directory finds the data, the port and the password again."""
    server.start()
    ask(server.dsn(), "CREATE TABLE kept AS SELECT 7 AS seven")
    before = (server.port, server.password)
    if end == "stop":
        server.stop()
    elif end == "kill":
        server.kill()
    else:
        server.stop("immediate")
    assert server.pid is None
    server.start()
    assert ask(server.dsn(), "SELECT seven FROM kept") == [(7,)]
    assert (server.port, server.password) == before


def test_nobody_enters_without_the_password(server: EmbeddedPostgres) -> None:
    """Loopback is no password: a wrong one is refused, and there is no socket file to go round."""
    server.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(server.dsn(password="wrong"), "SELECT 1")
    assert not list(server.home.glob("**/.s.PGSQL*"))
    assert (server.home / "password").stat().st_mode & 0o077 == 0


def test_it_ends_with_its_owner_and_starts_again(tmp_path: Path) -> None:
    """A kill -9 of the program that started it takes the server along; the next start is clean."""
    code = (
        "import pathlib, sys, time; from sandbox.postgres import EmbeddedPostgres;"
        "print(EmbeddedPostgres(pathlib.Path(sys.argv[1])).start().pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code, str(tmp_path / "pg")], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    owner.kill()
    owner.communicate()
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert not _runs(pid)
    again = EmbeddedPostgres(tmp_path / "pg").start()
    try:
        assert ask(again.dsn(), "SELECT 1") == [(1,)]
    finally:
        again.remove()


def test_a_server_left_running_is_taken_over(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """Two programs never serve one directory: the later one ends what the former left."""
    server.start()
    later = EmbeddedPostgres(tmp_path / "pg").start()
    try:
        assert server.pid is None
        assert ask(later.dsn(), "SELECT 1") == [(1,)]
    finally:
        later.remove()


def test_a_port_in_use_is_said(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """A given port that somebody else has is an error that names it, not another port."""
    server.start()
    other = EmbeddedPostgres(tmp_path / "other", port=server.port)
    with pytest.raises(EmbeddedPostgresError, match=f"Port {server.port} is in use"):
        other.start()
    other.remove()


def test_frozen_means_no_answer(server: EmbeddedPostgres) -> None:
    """Frozen, it takes connections and stays silent; thawed, it answers; frozen, it still stops."""
    server.start()
    server.freeze()
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        psycopg.connect(server.dsn(), connect_timeout=2)
    server.thaw()
    assert ask(server.dsn(), "SELECT 1") == [(1,)]
    server.freeze()
    server.stop()
    assert server.pid is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_root_runs_it_from_places_that_others_may_not_enter(tmp_path: Path) -> None:
    """Programs and data under a root-only directory are used by a temporary stand-in."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = wheel_binaries(18).parents[1]
    shutil.copytree(package / "pginstall18", closed / package.name / "pginstall18", symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    binaries = closed / package.name / "pginstall18" / "bin"
    server = EmbeddedPostgres(closed / "deep" / "pg", binaries=binaries).start()
    home = server.home
    try:
        assert not home.is_relative_to(closed)
        assert ask(server.dsn(), "SELECT 1") == [(1,)]
        server.stop()
        again = EmbeddedPostgres(closed / "deep" / "pg", binaries=binaries).start()
        assert again.home == home
        again.stop()
    finally:
        server.remove()
    assert not home.exists()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
