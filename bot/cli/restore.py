"""`curfew restore`."""

from typing import Annotated

import typer

from bot.cli.words import examples, group


def register(program: typer.Typer) -> None:
    """Adds the group."""
    made = group(
        "restore",
        "A database that was put back, and the word it waits for.",
        "curfew restore",
        "curfew restore confirm",
    )
    made.callback(invoke_without_command=True)(alone)
    made.command(epilog=examples("curfew restore status"))(status)
    made.command(
        epilog=examples("curfew restore confirm", "curfew restore confirm --operator maya")
    )(confirm)
    program.add_typer(made, no_args_is_help=False)


def alone(context: typer.Context) -> None:
    """Without a further word: as `restore status`."""
    if context.invoked_subcommand is None:
        status()


def status() -> None:
    """Tells whether this database was put back.

    And what the sweep would do if it were let. Changes nothing. Exit code 1 while something waits
    for `curfew restore confirm`.
    """
    from bot.cli.restoring import print_standing

    print_standing()


def confirm(
    operator: Annotated[
        str | None,
        typer.Option(help="Whose word it is; else the account that runs this.", show_default=False),
    ] = None,
) -> None:
    """Gives the word that the sweep waits for.

    It may then remove what the log does not know, and end what is lost. Look at `curfew restore`
    first: a mark that is not in the log may belong to another Curfew that uses the same provider. A
    running bot acts within five minutes; without one the next start does.
    """
    from bot.cli.restoring import confirm_restore

    confirm_restore(operator)
