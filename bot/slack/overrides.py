"""An operator's templates, looked over at the start: every problem, with file and line.

A file or a part that we have no place for would never be shown, and nobody would know: so it is
a problem, as wrong syntax is.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes

SUFFIX: Final = ".j2"


def problems_of(directory: Path, tongue: Environment, shipped: Path) -> list[str]:
    """A sentence for each thing that is wrong below `directory`, in the order of the files."""
    places = _places(shipped)
    files = sorted(directory.rglob(f"*{SUFFIX}"))
    found = [said for path in files for said in _of_file(path, directory, tongue, places)]
    return found if files else [f"{directory} holds no template: their names end in {SUFFIX}."]


def _of_file(
    path: Path, directory: Path, tongue: Environment, places: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    name = path.relative_to(directory).with_suffix("").as_posix()
    if name not in places:
        near = _near(name, places) or "."
        yield f"{path}: there is no template {name}{near}"
        return
    try:
        tongue.get_template(f"{name}{SUFFIX}")  # finds unknown filters too, which parsing does not
        body = tongue.parse(path.read_text(encoding="utf-8")).body
    except TemplateSyntaxError as error:
        yield f"{path}:{error.lineno}: {str(error.message).rstrip('.')}."
    except (OSError, UnicodeDecodeError):
        yield f"{path} cannot be read as UTF-8 text."
    else:
        yield from (f"{path}:{said}" for said in _of_parts(body, name, places[name]))


def _of_parts(body: list[nodes.Node], name: str, known: frozenset[str]) -> Iterator[str]:
    for node in body:
        if not isinstance(node, nodes.Block):
            if line := _shown_line(node):
                yield f"{line}: this stands outside of every part and would never be shown."
        elif node.name not in known:
            others = _near(node.name, known) or f", only {', '.join(sorted(known))}."
            yield f"{node.lineno}: {name} has no part {node.name}{others}"


def _shown_line(node: nodes.Node) -> int:
    """The line of a node that is more than blanks, 0 for blanks."""
    if not isinstance(node, nodes.Output):
        return node.lineno
    for piece in node.nodes:
        if not isinstance(piece, nodes.TemplateData):
            return piece.lineno
        if text := piece.data.lstrip():
            return piece.lineno + piece.data[: -len(text)].count("\n")
    return 0


def _near(word: str, known: Iterable[str]) -> str:
    """The end of the sentence where a known word is near, else nothing."""
    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


@cache
def _places(shipped: Path) -> dict[str, frozenset[str]]:
    """Every template that is asked for, with its parts."""
    parser = Environment(autoescape=True)
    places = {}
    for path in shipped.rglob(f"*{SUFFIX}"):
        tree = parser.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(shipped).with_suffix("").as_posix()
        places[name] = frozenset(block.name for block in tree.find_all(nodes.Block))
    return places
