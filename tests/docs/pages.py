"""The pages of the documentation, as the tests read them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """Every page that is ours."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def typed(text: str) -> list[str]:
    """The lines that a reader is to type, in order, without their prompt and remarks."""
    blocks = [block for language, block in FENCE.findall(text) if language == "console"]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line[2:].partition(" #")[0].strip() for line in lines if line.startswith("$ ")]


def section(page: Path, heading: str) -> str:
    """What stands below a heading of the second level."""
    return page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def anchors(page: Path) -> set[str]:
    """Where a link into the page may lead, by the rule of GitHub."""
    plain = (re.sub(r"[^\w\- ]", "", words.lower()) for words in HEADING.findall(prose(page)))
    return {words.replace(" ", "-") for words in plain}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Relative links: the file, and the anchor in it or an empty text."""
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        yield (page.parent / path).resolve() if path else page, anchor
