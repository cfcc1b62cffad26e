"""The table of attacks says what is tried, no less and no more."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "security.md"
ROW = re.compile(r"^\| (\d+) \|.*\| (`test_(\d+)_\*`|\N{EN DASH}) \|$", re.MULTILINE)
TEST = re.compile(r"^(?:async )?def test_(\d\d)_", re.MULTILINE)


def test_every_attack_of_the_table_is_tried() -> None:
    """Each row with a test has one of its number, and each numbered test has its row."""
    rows = ROW.findall(PAGE.read_text())
    promised = {int(number) for _, _, number in rows if number}
    tried = {
        int(number) for path in HERE.glob("test_*.py") for number in TEST.findall(path.read_text())
    }

    assert [int(number) for number, _, _ in rows] == list(range(1, 33))
    assert promised == tried


@pytest.mark.parametrize("row", ROW.findall(PAGE.read_text()), ids=lambda row: str(row[0]))
def test_a_row_names_its_own_tests(row: tuple[str, str, str]) -> None:
    """The number of the attack is the number of its tests."""
    number, _, tests = row

    assert not tests or int(tests) == int(number)
