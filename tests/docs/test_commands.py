"""What the docs say of commands, targets and scopes is so."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from bot.cli.program import program
from tests.docs.pages import ROOT, name, pages, prose, section, typed
from tests.docs.reference import PAGE, commands, updated

KNOWN = {" ".join(words) for words in commands(program())}
GROUPS = {words.split()[0] for words in KNOWN if " " in words}
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
NAMED = re.compile(r"`(?:\.venv/bin/)?curfew ([a-z]+(?: [a-z]+(?:-[a-z]+)*)*)")
MADE = re.compile(r"`make ([a-z-]+)")


def test_the_reference_is_the_help() -> None:
    """docs/command-line.md is what `--help` says; the module that checks this writes it anew."""
    page = PAGE.read_text()
    assert len(KNOWN) > 12
    assert page == updated(page, program()), "run: python tests/docs/reference.py"


def known_command(words: str) -> bool:
    """Whether these words, or the first of them, are a command of ours."""
    first, *rest = words.split()
    deeper = first in GROUPS and rest and first != "grants"  # which has words of its own
    return (f"{first} {rest[0]}" if deeper else first) in KNOWN


@pytest.mark.parametrize("page", pages(), ids=name)
def test_named_commands_exist(page: Path) -> None:
    """Every `curfew …` and `make …` in the text is there to be typed."""
    text = prose(page)
    for words in NAMED.findall(text):
        assert known_command(words), f"curfew {words}"
    for target in MADE.findall(text):
        assert target in TARGETS, f"make {target}"


def test_shown_commands_exist() -> None:
    """The same for the blocks of commands."""
    lines = [line for page in pages() for line in typed(page.read_text())]
    ours = [line for line in lines if re.match(r"(\.venv/bin/)?curfew ", line)]
    made = [line.split()[1] for line in lines if line.startswith("make ")]
    assert len(ours) > 8
    assert all(known_command(line.partition("curfew ")[2].partition(" -")[0]) for line in ours)
    assert set(made) <= TARGETS


def test_the_slack_page_has_the_scopes_of_the_manifest() -> None:
    """Each scope that the app asks for is explained, and no other."""
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text())
    table = section(ROOT / "docs/slack.md", "Scopes").partition("| scope |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    explained = {scope for cell in cells for scope in re.findall(r"`([a-z.:]+)`", cell)}
    assert explained == set(manifest["oauth_config"]["scopes"]["bot"])


def test_the_readme_names_the_adapters() -> None:
    """Every kind that ships stands in the README's table."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    kinds = set(project["entry-points"]["curfew.adapters"])
    rows = re.findall(r"^\| \[([a-z_-]+)\]", section(ROOT / "README.md", "Adapters"), re.MULTILINE)
    assert set(rows) == kinds


def test_every_decision_has_its_four_parts() -> None:
    """A page of docs/adr says what was asked, looked at, decided, and what follows."""
    parts = ["The question", "What was looked at", "The decision", "What follows"]
    decisions = [page for page in pages() if page.parent.name == "adr" and page.stem != "README"]
    assert len(decisions) > 10
    for page in decisions:
        assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == parts, page.name
