"""`curfew doctor`."""

import typer

from bot.cli.words import examples


def register(program: typer.Typer) -> None:
    """Adds the command."""
    program.command(epilog=examples("curfew doctor", "CURFEW_POLICY=new.yml curfew doctor"))(doctor)


def doctor() -> None:
    """Checks Slack, the database and the providers.

    Tokens, scopes, channels, user groups and whether enough people are in them, tables, and the
    rights at each provider. Changes nothing. Prints what is wrong with what to do about it; exit
    code 1 when something is.
    """
    from bot.cli.diagnosis import examine

    examine()
