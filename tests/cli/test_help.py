"""The command line as such: help, wrong lines, and what is loaded for them."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from bot.cli.program import program

ROOT = Path(__file__).parents[2]


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and group, by its words."""
    made = program()
    yield ()
    for command in made.registered_commands:
        assert command.callback is not None
        yield (command.name or command.callback.__name__,)
    for group in made.registered_groups:
        assert isinstance(group.typer_instance, typer.Typer)
        name = str(group.typer_instance.info.name)
        yield (name,)
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            yield (name, command.name or command.callback.__name__)


def curfew(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bot", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_all_commands_are_there() -> None:
    """The commands that the docs name exist."""
    found = {" ".join(words) for words in commands()}
    assert found >= {
        "run",
        "demo",
        "check",
        "doctor",
        "revoke",
        "grants",
        "grants show",
        "audit verify",
        "audit export",
        "audit key",
        "db upgrade",
        "db backup",
    }


@pytest.mark.parametrize("words", list(commands()), ids=lambda words: " ".join(words) or "curfew")
def test_help_has_examples(words: tuple[str, ...]) -> None:
    """Each --help ends with lines to paste, which begin with the program's name."""
    done = curfew(*words, "--help")
    assert done.returncode == 0
    lists, _, last = done.stdout.partition("Examples:\n")
    assert "..." not in lists.partition("Commands:\n")[2], "what a command does is cut off"
    examples = last.splitlines()
    assert examples
    assert all("curfew" in line for line in examples)
    assert not done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("chec", "Did you mean 'check'?"),
        ("grants show", "Missing argument"),
        ("revoke --reasn x", "No such option"),
        ("demo --port abc", "'--port'"),
        ("demo --port 70000", "65535"),
        ("audit export --format csv", "'--format': 'csv' is not one of"),
    ],
)
def test_wrong_lines(line: str, said: str) -> None:
    """A wrong line is one sentence and a hint, and exit code 2."""
    done = curfew(*line.split())
    assert done.returncode == 2
    assert said in done.stderr
    assert "--help` shows" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_version() -> None:
    """Asked for its version it tells that and nothing else."""
    done = curfew("--version")
    assert (done.returncode, done.stdout) == (0, f"curfew {version('curfew')}\n")


def test_nothing_at_all() -> None:
    """The name alone shows the help and is exit code 2."""
    done = curfew()
    assert done.returncode == 2
    assert "Usage: curfew" in done.stderr


def test_help_loads_little() -> None:
    """Help loads neither the bot nor any big library: it is quick."""
    code = (
        "import sys; from bot.cli.edge import guarded; guarded(['--help']);"
        "print([name for name in ('sqlalchemy', 'slack_sdk', 'aiohttp', 'pydantic', 'psycopg',"
        " 'cryptography', 'rich', 'bot.app', 'bot.engine') if name in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_run_loads_no_command_line() -> None:
    """A running bot holds neither Typer nor migrations nor boto3 nor the sandbox."""
    code = (
        "import sys; import bot.__main__, bot.cli.run, bot.app.process;"
        "print([name for name in ('typer', 'alembic', 'boto3', 'sandbox',"
        " 'adapters.demo', 'adapters.postgres') if name in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
