"""The table of faults names tests that are there, and each numbered test is in it."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.docs.pages import ROOT, section

PAGE = ROOT / "docs/reliability.md"
FAULTS = 35
ROW = re.compile(r"^\| (\d+) \|.*\| ([^|]*) \| [^|]+ \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[a-z_0-9/]+\.py)::(test_[a-z_0-9]+)`")
NUMBERS = re.compile(r"Rows? ((?:\d+(?:, | and )?)+):")


def rows() -> dict[int, set[tuple[str, str]]]:
    """The tests of each row, by path and name."""
    found = ROW.findall(section(PAGE, "The faults, one by one"))
    assert [int(number) for number, _ in found] == list(range(1, FAULTS + 1))
    return {int(number): set(NAMED.findall(cell)) for number, cell in found}


@cache
def written(path: str) -> dict[str, str]:
    """Every test of a file, with its docstring."""
    tree = ast.parse((ROOT / path).read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return {node.name: ast.get_docstring(node) or "" for node in found}


def numbered() -> Iterator[tuple[int, tuple[str, str]]]:
    """Each number that a test claims in its docstring."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        path = file.relative_to(ROOT).as_posix()
        for name, said in written(path).items():
            claim = NUMBERS.match(said)
            for number in re.findall(r"\d+", claim[1]) if claim else ():
                yield int(number), (path, name)


@pytest.mark.parametrize("number", range(1, FAULTS + 1))
def test_every_fault_has_its_tests(number: int) -> None:
    """Each row names one at least, and those that it names are there."""
    named = rows()[number]

    assert named
    assert not [(path, name) for path, name in named if name not in written(path)]


def test_every_numbered_test_is_in_its_row() -> None:
    """What a test says of itself and what the table says agree."""
    table = rows()
    claims = list(numbered())

    assert len(claims) > 20
    assert not [claim for claim in claims if claim[1] not in table[claim[0]]]


def test_the_broken_variants_are_kept() -> None:
    """The two that have to ring are named below the table, and are there."""
    below = section(PAGE, "The faults, one by one").rpartition("|\n")[2]
    named = NAMED.findall(below)

    assert len(named) == 2
    assert all(name in written(path) for path, name in named)
