"""`curfew restore`."""

import typer

from bot.cli.words import examples, group


def register(program: typer.Typer) -> None:
    """Adds the group."""
    made = group(
        "restore",
        "A database that was put back.",
        "curfew restore status",
        "curfew restore confirm",
    )
    made.command(epilog=examples("curfew restore status"))(status)
    made.command(epilog=examples("curfew restore confirm"))(confirm)
    program.add_typer(made)


def status() -> None:
    """Tells whether a restore was seen and waits for your word.

    Exit code 1 while it does.
    """
    from bot.cli.restoring import tell

    tell()


def confirm() -> None:
    """Says that the database that was put back counts.

    Until then nothing is taken away that only a comparison with the providers would find. From the
    next sweep on it is: look at what was reported in the audit channel first.
    """
    from bot.cli.restoring import go_on

    go_on()
