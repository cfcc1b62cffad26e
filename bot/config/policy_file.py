"""The policy file: YAML becomes a policy, or every problem in it at once.

Rules kept here: a file that others than its owner can write is no policy; it is read whole before
anything of it is used; a symbolic link is followed (that is how files are mounted), and what is
checked is what was opened.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.config.build import build
from bot.config.checks import Kinds, check_providers, check_resources
from bot.config.interpolation import interpolate
from bot.config.people_checks import check_people
from bot.config.problems import Problem, Severity
from bot.config.shape import read_file
from bot.config.yaml_tree import Document, read_yaml
from bot.domain.policy import Policy

SIZE_LIMIT: Final = 524_288


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a file: a policy unless there is a problem. Sorted by place."""

    policy: Policy | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def load(path: Path, *, kinds: Kinds, environ: Mapping[str, str]) -> Loaded:
    """Reads a policy file. `environ` is where `${NAME}` is looked up.

    `kinds` gives the adapter class of a kind, and raises `UnusableAdapterError` for others.
    """
    file = str(path)
    content = _content(path)
    if isinstance(content, Problem):
        return Loaded(None, (content,))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "The file is not UTF-8 here."
        return Loaded(None, (Problem(file, line, 1, Severity.ERROR, "encoding", message),))
    return loads(
        text, file=file, digest=hashlib.sha256(content).hexdigest(), kinds=kinds, environ=environ
    )


def loads(text: str, *, file: str, digest: str, kinds: Kinds, environ: Mapping[str, str]) -> Loaded:
    """As `load`, from the text itself. `file` stands in the problems."""
    document = read_yaml(text, file=file)
    if document.data is None and document.problems:
        return _loaded(document, None)
    interpolate(document, environ)
    blocks = read_file(document)
    if blocks is None:
        return _loaded(document, None)
    check_people(document, blocks)
    check_resources(document, blocks)
    check_providers(document, blocks, kinds=kinds)
    wrong = any(problem.severity is Severity.ERROR for problem in document.problems)
    return _loaded(document, None if wrong else build(blocks, digest=digest))


def _loaded(document: Document, policy: Policy | None) -> Loaded:
    found = sorted(dict.fromkeys(document.problems))
    return Loaded(
        policy,
        tuple(p for p in found if p.severity is Severity.ERROR),
        tuple(p for p in found if p.severity is Severity.WARNING),
    )


def _content(path: Path) -> bytes | Problem:
    """The bytes of the file, or why it is not read."""
    try:
        # Not blocking: a pipe in the file's place must not hang the bot.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return _file_problem(
            path,
            "unreadable",
            f"The policy cannot be read: {error.strerror}.",
            "Name the file in CURFEW_POLICY; policy.example.yml is one to begin with.",
        )
    try:
        refusal = _refusal_of(path, os.fstat(handle).st_mode)
        if refusal is not None:
            return refusal
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(SIZE_LIMIT + 1)
    finally:
        os.close(handle)
    if len(content) > SIZE_LIMIT:
        message = f"The policy has more than {SIZE_LIMIT} bytes."
        return _file_problem(path, "too_large", message, "Is it the right file?")
    return content


def _refusal_of(path: Path, mode: int) -> Problem | None:
    """Why a file of this mode is not read."""
    if not stat.S_ISREG(mode):
        return _file_problem(
            path, "unreadable", "The policy is no file.", "Name the file in CURFEW_POLICY."
        )
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        message = "Others than its owner can write the policy."
        return _file_problem(path, "writable_by_others", message, f"chmod go-w {path}")
    return None


def _file_problem(path: Path, code: str, message: str, hint: str) -> Problem:
    return Problem(str(path), 1, 1, Severity.ERROR, code, message, hint)
