"""The example package: it is what the guide says, installs as others' do, and passes the suite."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "adapters" / "write-an-adapter.md"
EXAMPLE = ROOT / "examples" / "curfew-folder"
POLICY = """
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
admins: [S0OPS]
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def run(*words: str, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *words],
        cwd=cwd,
        env={"PYTHONPATH": f"{ROOT}:{path}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a package of other people stands beside Curfew."""
    target = tmp_path_factory.mktemp("site")
    pip = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = run(*pip, "--target", str(target), str(EXAMPLE), path=target, cwd=target)
    assert done.returncode == 0, done.stderr
    return target


def test_it_is_what_the_guide_says() -> None:
    """Whoever follows the guide has these files, letter by letter."""
    for block in (*blocks("python"), *blocks("toml")):
        name = block.splitlines()[0].removeprefix("# ")
        assert (EXAMPLE / name).read_text() == block


@pytest.mark.timeout(120)
def test_its_suite_passes(installed: Path, tmp_path: Path) -> None:
    """The conformance suite that ships with Curfew, run as its author runs it."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    loop = ["-o", "asyncio_default_fixture_loop_scope=function"]
    done = run(*words, *loop, str(EXAMPLE / "test_folder.py"), path=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert re.search(r"(\d\d) passed", done.stdout), done.stdout


def test_a_policy_can_name_it(installed: Path, tmp_path: Path) -> None:
    """`curfew check` finds the kind by its entry point, and checks with the package's schemas."""
    policy = tmp_path / "policy.yml"
    policy.write_text(POLICY + blocks("yaml")[0])
    policy.chmod(0o600)
    said = run("-m", "bot", "check", str(policy), path=installed, cwd=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    policy.write_text(POLICY + blocks("yaml")[0].replace("mode: rw", "colour: red"))
    said = run("-m", "bot", "check", str(policy), path=installed, cwd=tmp_path)
    assert said.returncode == 1
    assert "colour" in said.stdout + said.stderr
