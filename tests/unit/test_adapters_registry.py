"""Kinds of adapter are found by name, and only the one that is asked for is imported."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adapters import registry
from adapters.registry import UnusableAdapterError, available, load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for installed packages, the first that Python looks at."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(place: Path, package: str, **kinds: str) -> None:
    """What pip leaves of a package that brings adapters."""
    info = place / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "\n".join(f"{kind} = {value}" for kind, value in kinds.items())
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{lines}\n")
    importlib.invalidate_caches()


def declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return dict(project["entry-points"][registry.GROUP])


def test_every_kind_of_ours_loads(installed: Path) -> None:
    """Each entry point of the project leads to the adapter of that kind."""
    others = set(available())
    install(installed, "ours", **{f"{kind}": value for kind, value in declared().items()})
    assert set(available()) == others | set(declared())
    for kind in declared():
        module, name = declared()[kind].split(":")
        found = getattr(importlib.import_module(module), name)
        assert found.kind == kind
        assert load(kind) is found


def test_what_nobody_names_is_not_imported(installed: Path) -> None:
    """Listing imports no adapter, and loading one imports neither another nor its library."""
    install(installed, "ours", **declared())
    code = (
        f"import sys; sys.path[:0] = [{str(installed)!r}, {str(ROOT)!r}]\n"
        "from adapters.registry import available, load\n"
        "assert {'demo', 'postgres'} <= set(available())\n"
        "def loaded(): return {n for n in sys.modules if n in"
        " ('adapters.demo', 'adapters.postgres', 'psycopg', 'boto3')}\n"
        "assert loaded() == set(), loaded()\n"
        "load('demo')\n"
        "assert loaded() == {'adapters.demo'}, loaded()\n"
        "load('postgres')\n"
        "assert 'psycopg' in loaded()\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_kind_gets_a_guess(installed: Path) -> None:
    """A misspelt kind is answered with the nearest one and the whole list."""
    install(installed, "ours", **declared())
    with pytest.raises(UnusableAdapterError) as caught:
        load("Postgre")
    assert caught.value.message == "There is no adapter called Postgre."
    assert "Did you mean postgres?" in caught.value.hint
    assert "demo" in caught.value.hint


def test_a_missing_library_is_named_with_its_extra(installed: Path) -> None:
    """An adapter whose library is not there says which, and how to install it."""
    (installed / "needy_adapter.py").write_text("import a_library_that_is_not_there\n")
    install(installed, "needy", needy="needy_adapter:Needy")
    with pytest.raises(UnusableAdapterError, match="needs a_library_that_is_not_there") as caught:
        load("needy")
    assert "pip install 'curfew[needy]'" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Odd = 7", "is no adapter"),
        ("Odd = dict", "is no adapter"),
        ("", "could not be loaded"),
        ("from adapters.demo import DemoAdapter as Odd", "calls itself demo, not odd"),
    ],
)
def test_what_is_no_adapter_is_refused(
    installed: Path, source: str, said: str, request: pytest.FixtureRequest
) -> None:
    """An entry point that leads nowhere, to something else, or to another kind is refused."""
    module = f"odd_adapter_{abs(hash(request.node.name))}"
    (installed / f"{module}.py").write_text(source + "\n")
    install(installed, "odd", odd=f"{module}:Odd")
    with pytest.raises(UnusableAdapterError, match=said) as caught:
        load("odd")
    assert caught.value.hint


def test_two_packages_with_one_kind_are_refused(installed: Path) -> None:
    """Nobody chooses silently between two packages that bring the same kind."""
    install(installed, "one", twin="one_adapter:Twin")
    install(installed, "two", twin="two_adapter:Twin")
    with pytest.raises(UnusableAdapterError, match="Two installed packages"):
        load("twin")
