"""The reference of the command line, written from the program's own help.

`python tests/docs/reference.py` brings docs/command-line.md up to date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.testing import CliRunner

PAGE = Path(__file__).parents[2] / "docs/command-line.md"
BEGIN = "<!-- commands: written by python tests/docs/reference.py -->\n"
END = "<!-- end of commands -->\n"
WIDTH = 88


def commands(program: typer.Typer) -> Iterator[tuple[str, ...]]:
    """Every command and group by its words, in the order of the help."""
    for command in program.registered_commands:
        if command.callback is not None:
            yield (command.name or command.callback.__name__,)
    for group in program.registered_groups:
        inner = group.typer_instance
        if inner is not None:
            name = str(inner.info.name)
            yield (name,)
            yield from ((name, *words) for words in commands(inner))


def reference(program: typer.Typer) -> str:
    """A heading and the help for each."""
    runner = CliRunner()
    parts = []
    for words in commands(program):
        shown = runner.invoke(
            program,
            [*words, "--help"],
            prog_name="curfew",
            terminal_width=WIDTH,
            max_content_width=WIDTH,
            catch_exceptions=False,
        )
        lines = "\n".join(line.rstrip() for line in shown.stdout.strip().splitlines())
        parts.append(f"### `curfew {' '.join(words)}`\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def updated(page: str, program: typer.Typer) -> str:
    """The page with the part between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference(program)}\n{END}{after}"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from bot.cli.program import program as made

    PAGE.write_text(updated(PAGE.read_text(), made()))
