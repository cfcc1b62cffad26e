"""What is wrong in a policy file, said so that the line can be mended without looking further."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final

PASSWORD_IN_URL: Final = re.compile(r"(://)[^/\s@]*@")


class Severity(StrEnum):
    """An error keeps the policy from being used, a warning does not."""

    ERROR = auto()
    WARNING = auto()


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; `code` is stable.

    `message` is one sentence and `hint` the way out; neither holds a secret. `excerpt` is the line
    of the file, for a terminal only.
    """

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    hint: str = ""
    excerpt: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.severity.value}: {self.message}"
        return f"{text} {self.hint}".rstrip()


def render_problems(problems: Iterable[Problem]) -> str:
    """For a terminal: each problem with its line, a caret below the place, and the hint."""
    return "\n\n".join(_rendered(problem) for problem in problems)


def problems_as_json(problems: Iterable[Problem]) -> str:
    """For other programs: a list of objects with the fields of `Problem`, less the excerpt."""
    return json.dumps([_plain(problem) for problem in problems], ensure_ascii=False, indent=2)


def excerpt_of(line: str) -> str:
    """A line of the file as it may be shown: no password of a URL, no tabs, of bearable length."""
    hidden = PASSWORD_IN_URL.sub(r"\1…@", line.rstrip().replace("\t", " "))
    return hidden if len(hidden) <= 160 else hidden[:159] + "…"  # noqa: PLR2004 - two lines


def _rendered(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    lines = [f"{place}: {problem.severity.value} [{problem.code}]: {problem.message}"]
    if problem.excerpt:
        number = str(problem.line)
        lines.append(f"  {number} | {problem.excerpt}")
        caret = min(problem.column - 1, len(problem.excerpt))
        lines.append(f"  {' ' * len(number)} | {' ' * caret}^")
    if problem.hint:
        lines.append(f"  hint: {problem.hint}")
    return "\n".join(lines)


def _plain(problem: Problem) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
