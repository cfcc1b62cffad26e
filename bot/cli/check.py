"""`curfew check`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.edge import AnswerIsNoError
from bot.cli.words import examples

if TYPE_CHECKING:
    from bot.config.policy_file import Loaded


class Form(StrEnum):
    """How the problems are printed."""

    TEXT = "text"
    JSON = "json"


def register(program: typer.Typer) -> None:
    """Adds the command."""
    program.command(
        epilog=examples(
            "curfew check", "curfew check policy-new.yml", "curfew check --format json | jq"
        )
    )(check)


def check(
    policy: Annotated[
        Path | None, typer.Argument(help="The file; CURFEW_POLICY by default.", show_default=False)
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="For people or for programs.")] = Form.TEXT,
) -> None:
    """Checks the policy file.

    Prints every problem with file, line, column and a hint. Exit code 1 when there is an error;
    warnings alone are printed and pass. Asks nobody outside: `curfew doctor` does.
    """
    from adapters import registry
    from bot.config import policy_file, problems
    from bot.config.settings import environment, read_settings

    path = policy or read_settings().policy
    loaded = policy_file.load(path, kinds=registry.load, environ=environment())
    found = (*loaded.problems, *loaded.warnings)
    if form is Form.JSON:
        typer.echo(problems.problems_as_json(found))
    else:
        if found:
            typer.echo(problems.render_problems(found))
            typer.echo()
        typer.echo(_summary(path, loaded))
    if loaded.problems:
        raise AnswerIsNoError


def _summary(path: Path, loaded: "Loaded") -> str:
    warnings = f", {_counted(len(loaded.warnings), 'warning')}" if loaded.warnings else ""
    if loaded.policy is None:
        return f"{path}: {_counted(len(loaded.problems), 'error')}{warnings}."
    resources = _counted(len(loaded.policy.resources), "resource")
    providers = _counted(len(loaded.policy.providers), "provider")
    return f"{path}: in order: {resources}, {providers}{warnings}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
