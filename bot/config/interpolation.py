"""`${NAME}` and `${file:/path}` in the strings of a policy file.

What was put in is never shown again: `Interpolated.hide` takes it out of any message.
`$${` stands for a literal `${`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Final

from bot.config.yaml_tree import Document, Path

REFERENCE: Final = re.compile(r"\$(\$\{)|\$\{([^{}]*)\}|\$\{")
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FILE_LIMIT: Final = 65_536
PART: Final = 6
SHORT: Final = 4
"""Shorter values are hidden at their own place only: elsewhere they are likely to be mere words."""


@dataclass(slots=True)
class Interpolated:
    """What was put in, and where."""

    values: dict[Path, list[str]] = field(default_factory=dict)

    def hide(self, path: Path, message: str) -> str:
        """The message about a piece, without any value that was put into the file."""
        for place, values in self.values.items():
            near = place[: len(path)] == path or path[: len(place)] == place
            for value in values:
                if value and (near or len(value) >= SHORT):
                    message = message.replace(value, "•••")
                if near and _shows_part(message, value):
                    return "What was put in here is not accepted."
        return message


def _shows_part(message: str, value: str) -> bool:
    """A cut or otherwise changed form of the value still stands in the message."""
    text, hidden = message.casefold(), value.casefold()
    return any(hidden[n : n + PART] in text for n in range(max(0, len(hidden) - PART + 1)))


def interpolate(document: Document, environ: Mapping[str, str]) -> None:
    """Puts the values into `document.data`, and hides them in what is said from now on.

    A value that is not there is noted as a problem.
    """
    done = Interpolated()

    def walk(data: object, path: Path) -> object:
        if isinstance(data, dict):
            return {key: walk(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [walk(value, (*path, n)) for n, value in enumerate(data)]
        if isinstance(data, str) and "${" in data:
            return REFERENCE.sub(lambda found: replaced(found, path), data)
        return data

    def replaced(found: re.Match[str], path: Path) -> str:
        if found[1]:
            return "${"
        value = _value(document, path, found[2], environ)
        done.values.setdefault(path, []).append(value)
        return value

    document.data = walk(document.data, ())
    document.hide = done.hide


def _value(
    document: Document, path: Path, reference: str | None, environ: Mapping[str, str]
) -> str:
    if reference is not None and reference.startswith("file:"):
        return _file(document, path, reference.removeprefix("file:"))
    if reference is None or NAME.fullmatch(reference) is None:
        document.problem(
            path,
            "interpolation",
            "“${” begins a reference that cannot be read.",
            hint="Write ${NAME} or ${file:/path}, and $${ for a literal ${.",
        )
        return ""
    found = environ.get(reference)
    if not found:
        document.problem(
            path,
            "missing_variable",
            f"The environment variable {reference} is {'not set' if found is None else 'empty'}.",
            hint=f"Set {reference} where the bot runs, or in .env.",
        )
    return found or ""


def _file(document: Document, path: Path, name: str) -> str:
    """The content of a file, less one line end."""
    content, wrong = b"", ""
    if not name.startswith("/"):
        wrong = "the path has to begin with /"
    else:
        try:
            with FilePath(name).open("rb") as file:
                content = file.read(FILE_LIMIT + 1)
            text = content.decode()
        except OSError as error:
            wrong = error.strerror or "it cannot be opened"
        except ValueError:  # its own text would quote the content
            wrong = "it is not UTF-8"
        else:
            if len(content) <= FILE_LIMIT:
                return text.removesuffix("\n").removesuffix("\r")
            wrong = f"it has more than {FILE_LIMIT} bytes"
    document.problem(
        path,
        "missing_file",
        f"The file {name} cannot be read: {wrong}.",
        hint="Make it readable for the bot, or correct the path.",
    )
    return ""
