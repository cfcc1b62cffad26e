"""The page for newcomers names files, rooms and tables that are there."""

import re
import tomllib
from pathlib import Path

import pytest

from bot.storage.tables import metadata
from tests.docs.pages import ROOT, name, pages, prose, section

PAGE = ROOT / "docs/architecture.md"
NAMED = re.compile(r"`([a-z_./0-9]+\.(?:py|js|j2|yml|toml))`")
CODE = ("adapters", "bench", "bot", "docs", "sandbox", "tests")
FILES = [path.relative_to(ROOT).as_posix() for room in CODE for path in (ROOT / room).rglob("*.*")]
TOP = {path.name for path in ROOT.iterdir()}
MADE_UP = {"docs/adapters/write-an-adapter.md"}
"""Pages that make files of their own."""


@pytest.mark.parametrize("page", [one for one in pages() if name(one) not in MADE_UP], ids=name)
def test_named_files_exist(page: Path) -> None:
    """A file that a page names is there, under the whole of the name that it gives."""
    for file in NAMED.findall(prose(page)):
        there = file in TOP or any(f"/{path}".endswith(f"/{file}") for path in FILES)
        assert there or file == "policy.yml", f"{name(page)}: {file}"


def test_every_room_is_drawn() -> None:
    """The picture and the table have the rooms of the import rules, and no others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    # In parentheses stand rooms that may be missing.
    rooms = {word for layer in layers for word in re.findall(r"(?<!\()bot\.([a-z]+)", layer)}
    drawn = set(re.findall(r"^    ([a-z]+)\[", section(PAGE, "The rooms"), re.MULTILINE))

    assert drawn == rooms | {"adapters", "sandbox"}


def test_every_kind_of_test_is_explained() -> None:
    """CONTRIBUTING.md says what each folder of tests holds."""
    rows = re.findall(r"^\| (`.*`) \|", section(ROOT / "CONTRIBUTING.md", "Tests"), re.MULTILINE)
    named = {folder for row in rows for folder in re.findall(r"`([a-z_0-9]+)`", row)}
    there = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}

    assert there <= named


def test_every_table_is_explained() -> None:
    """docs/storage.md has a row for each table of the database."""
    text = section(ROOT / "docs/storage.md", "What stands where")
    rows = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    assert rows == set(metadata.tables) | {"alembic_version"}
