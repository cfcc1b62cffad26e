"""What an SQLite file may live on, and who may have it."""

import os
from pathlib import Path

import pytest

from bot.storage import files
from bot.storage.errors import OccupiedError, UnusableError


def test_a_missing_directory(tmp_path: Path) -> None:
    """The way out is the command that makes it."""
    with pytest.raises(UnusableError, match="does not exist") as caught:
        files.check(tmp_path / "var" / "curfew.db", create=True)
    assert f"mkdir -p {tmp_path / 'var'}" in caught.value.hint


def test_a_directory_instead_of_a_file(tmp_path: Path) -> None:
    """A path that is a directory is told so."""
    with pytest.raises(UnusableError, match="is a directory"):
        files.check(tmp_path, create=True)


def test_a_file_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and its directory must both be ours to write: log and lock stand beside it."""
    path = tmp_path / "curfew.db"
    path.touch()
    for closed in (path, tmp_path):
        # Tests may run as root, to whom nothing is closed.
        monkeypatch.setattr(os, "access", lambda asked, _mode, closed=closed: asked != closed)
        with pytest.raises(UnusableError, match=f"may not write to {closed}\\."):
            files.check(path, create=False)


MOUNTS = """\
22 1 {root} / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 {here} /srv /srv/data rw,relatime shared:9 master:2 - {kind} host:/export rw,vers=4
"""


@pytest.mark.parametrize(
    ("kind", "refused"), [("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("ext4", False)]
)
def test_network_file_systems(tmp_path: Path, kind: str, *, refused: bool) -> None:
    """A directory on a network file system is recognised by its device."""
    device = tmp_path.stat().st_dev
    here = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(root="999:1", here=here, kind=kind))
    found = files.network_filesystem(tmp_path, mounts)
    assert found == (kind if refused else None)
    mounts.write_text(MOUNTS.format(root=here, here="0:99999", kind=kind))
    assert files.network_filesystem(tmp_path, mounts) is None


def test_this_machine_s_temporary_directory_is_fine(tmp_path: Path) -> None:
    """The real list of mounts is read without trouble."""
    files.check(tmp_path / "curfew.db", create=True)
    assert files.network_filesystem(tmp_path, tmp_path / "absent") is None


def test_a_lock_is_had_by_one(tmp_path: Path) -> None:
    """Whoever comes second is told who has it; asking whether it is taken takes nothing."""
    database = tmp_path / "curfew.db"
    first, second = files.LockFile(database), files.LockFile(database)
    assert not second.taken_by_other()
    first.take()
    assert first.held
    assert not first.taken_by_other()
    assert second.taken_by_other()
    with pytest.raises(OccupiedError, match=f"process {os.getpid()} on "):
        second.take()
    first.free()
    first.free()
    second.take()
    second.free()
