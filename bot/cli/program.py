"""All commands together."""

from typing import Annotated

import typer

from bot.cli.audit import register as audit
from bot.cli.check import register as check
from bot.cli.database import register as database
from bot.cli.demo import register as demo
from bot.cli.doctor import register as doctor
from bot.cli.grants import register as grants
from bot.cli.restore import register as restore
from bot.cli.revoke import register as revoke
from bot.cli.run import register as run
from bot.cli.words import examples


def _tell(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        from importlib.metadata import version

        typer.echo(f"curfew {version('curfew')}")
        raise typer.Exit


def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Tells which Curfew this is.", callback=_tell)
    ] = False,
) -> None:
    """What stands before every command."""
    del version  # told by the callback


def program() -> typer.Typer:
    """The whole command line, ready to be called with words."""
    made = typer.Typer(
        name="curfew",
        help="Temporary production access, asked for and approved in Slack, gone on time.",
        epilog=examples("curfew demo", "curfew check", "curfew revoke --all --reason 'incident'"),
        no_args_is_help=True,
        add_completion=False,
        # Plain help: quick to print, and the same in a pipe as on a terminal.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    made.callback()(options)
    for register in (run, demo, check, doctor, revoke, grants, audit, database, restore):
        register(made)
    return made
