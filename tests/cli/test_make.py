"""What `make setup` says on a machine that lacks something."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.ground import ROOT


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script, in a directory where nothing is set up."""
    return Path(shutil.copy(ROOT / "requirements/make-venv.sh", tmp_path))


def setup(script: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", script, script.parent / "venv"],
        env={"PATH": os.environ["PATH"], "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def pretend(tmp_path: Path, *lines: str) -> str:
    """A program that answers as some Python would."""
    path = tmp_path / "python"
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return str(path)


def test_no_python(script: Path) -> None:
    """A Python that is not there is told as such, with the package to install."""
    done = setup(script, "no-such-python")
    assert done.returncode == 1
    first, *rest = done.stderr.splitlines()
    assert first == "Curfew needs Python 3.11 or newer, and no-such-python is not there."
    assert "apt-get install python3 python3-venv" in " ".join(rest)


def test_old_python(script: Path, tmp_path: Path) -> None:
    """One that is too old is told with its version."""
    old = pretend(tmp_path, 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    done = setup(script, old)
    assert done.returncode == 1
    assert f"{old} is Python 3.9.2." in done.stderr


def test_no_venv(script: Path, tmp_path: Path) -> None:
    """One without venv, as Debian installs it, names the package."""
    bare = pretend(tmp_path, 'case "$*" in *ensurepip*) exit 1 ;; esac')
    done = setup(script, bare)
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_nothing_to_do(script: Path) -> None:
    """A usable environment is left as it is."""
    venv = script.parent / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").write_text("#!/bin/sh\nexit 0\n")
    (venv / "bin/python").chmod(0o755)
    done = setup(script, "no-such-python")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(venv.iterdir()) == [venv / "bin"]


def test_lists_its_targets() -> None:
    """`make` alone says what there is."""
    done = subprocess.run(
        ["make"],  # noqa: S607 - the system's own
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for target in ("setup", "run", "test", "check", "bench"):
        assert f"  {target} " in done.stdout


def test_no_index_address() -> None:
    """The pinned requirements name no package registry, and every package has a hash."""
    for name in ("run", "demo", "dev"):
        lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
        assert not [line for line in lines if "://" in line or line.startswith("-")]
        pins = [number for number, line in enumerate(lines) if "==" in line and line[0] != " "]
        assert len(pins) > 40
        assert all("--hash=sha256:" in lines[number + 1] for number in pins)
