"""YAML with places: plain data, and for each piece of it the line and column it stands at.

Rules kept here: only plain values (no tags that make objects); scalars by YAML 1.2, so that `no`
is a word and `12:30` no number; a key that stands twice is wrong; aliases, depth and size are
bounded, so that a small file cannot become a large one.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.config.problems import Problem, Severity, excerpt_of

Path = tuple[str | int, ...]
"""Where a piece stands: keys and list indexes from the top."""

DEPTH_LIMIT: Final = 24
NODE_LIMIT: Final = 50_000

PLAIN_TAGS: Final = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
}


class Reader(yaml.SafeLoader):
    """Composes nodes only; never constructs."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Bounded in depth, so that nesting ends in a sentence and not in a broken stack."""
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            mark = parent.start_mark if parent is not None else None
            raise yaml.composer.ComposerError(None, None, "it is nested too deeply", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


# YAML 1.2's core schema instead of 1.1's: no `yes`, no sexagesimal numbers, no dates.
Reader.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    Reader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_form})$"), list(_first)
    )


@dataclass(slots=True)
class Document:
    """A file as plain data with the places of its pieces, and what was found wrong on the way."""

    file: str
    lines: list[str]
    data: object = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    hide: Callable[[Path, str], str] = lambda _path, message: message

    def problem(
        self,
        path: Path,
        code: str,
        message: str,
        *,
        hint: str = "",
        severity: Severity = Severity.ERROR,
        at_key: bool = False,
    ) -> None:
        """Note what is wrong with the piece at `path`, or with the nearest one above it."""
        place = self.place(path, at_key=at_key)
        said, way_out = self.hide(path, message), self.hide(path, hint)
        self.problems.append(self.made(place, code, said, hint=way_out, severity=severity))

    def made(
        self,
        place: tuple[int, int],
        code: str,
        message: str,
        *,
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        line, column = place
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Problem(self.file, line, column, severity, code, message, hint, excerpt_of(text))

    def place(self, path: Path, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column of a piece (of its key with `at_key`), else of the nearest above."""
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        for length in range(len(path), -1, -1):
            part = path[:length]
            if part in first or part in second:
                return first.get(part) or second[part]
        return 1, 1


def read_yaml(text: str, *, file: str) -> Document:
    """The file as a document. When it is no YAML, `data` is None and `problems` says where."""
    document = Document(file, text.splitlines())
    try:
        reader = Reader(text)
        try:
            root = reader.get_single_node()
        finally:
            reader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        hint = _hint(document, place)
        document.problems.append(
            document.made(place, "yaml", f"This is no YAML: {error.problem}.", hint=hint)
        )
        return document
    except yaml.reader.ReaderError as error:
        message = f"The file holds a character that YAML does not allow (U+{error.character:04X})."
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(document.made((line, 1), "yaml", message))
        return document
    if root is not None:
        document.data = _Walk(document).value(root, ())
    return document


class _Walk:
    """From nodes to data, once over."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.open: set[int] = set()

    def value(self, node: Node, path: Path) -> object:
        document = self.document
        document.values[path] = _place(node)
        document.nodes += 1
        if document.nodes > NODE_LIMIT or id(node) in self.open:
            if document.nodes == NODE_LIMIT + 1 or id(node) in self.open:
                document.problem(path, "yaml_too_large", "The aliases of this file never end.")
            return None
        if node.tag not in PLAIN_TAGS:
            document.problem(
                path,
                "yaml_tag",
                f"The tag {node.tag.removeprefix('tag:yaml.org,2002:')} is not read here.",
                hint="Write plain values only.",
            )
            return None
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        self.open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
            return self.mapping(node, path)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: Node, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        pairs = node.value if isinstance(node, MappingNode) else []
        for key_node, value_node in pairs:
            if not isinstance(key_node, ScalarNode):
                place = _place(key_node)
                self.document.problems.append(
                    self.document.made(place, "wrong_type", "A key has to be a word.")
                )
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in data:
                line = self.document.keys[here][0]
                place = _place(key_node)
                self.document.problems.append(
                    self.document.made(
                        place,
                        "duplicate_key",
                        f"The key “{key}” stands here a second time.",
                        hint=f"It stands in line {line} already; keep one of the two.",
                    )
                )
                continue
            self.document.keys[here] = _place(key_node)
            data[key] = self.value(value_node, here)
        return data

    def scalar(self, node: ScalarNode, path: Path) -> object:
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        try:
            if kind == "int":
                return int(text) if len(text) <= 18 else text  # noqa: PLR2004 - 64 bits
            if kind == "float":
                return _finite(text)
        except ValueError:
            self.document.problem(path, "wrong_type", f"“{text[:40]}” is no number.")
            return None
        if kind == "bool":
            return text.lower() == "true"
        return None if kind == "null" else text


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("more than a float holds")
    return number


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _hint(document: Document, place: tuple[int, int]) -> str:
    line, column = place
    text = document.lines[line - 1] if line <= len(document.lines) else ""
    if text[column - 1 : column] in {"@", "`", "%"}:
        return "Put the word in quotes: a bare one cannot begin with this character."
    if text[:column].endswith("${") or text[column - 2 : column] == "${":
        return 'Inside { } and [ ] put it in quotes: "${NAME}".'
    if "\t" in text:
        return "Indent with spaces, never with tabs."
    return "Look at the indentation, the colons and the quotes around here."
