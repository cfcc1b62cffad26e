"""`curfew db`."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.words import examples, group


def register(program: typer.Typer) -> None:
    """Adds the group."""
    made = group(
        "db", "The bot's own database.", "curfew db upgrade", "curfew db backup /backups/curfew.db"
    )
    made.command(epilog=examples("curfew db upgrade"))(upgrade)
    made.command(
        epilog=examples("curfew db backup /backups/curfew.db", 'curfew db backup "$(date +%F).db"')
    )(backup)
    program.add_typer(made)


def upgrade() -> None:
    """Brings the tables up to date, or makes them. `run` does it by itself.

    Whole or not at all, one process at a time. There is no way back: make a backup first.
    """
    from bot.config.settings import read_settings
    from bot.storage import files, schema
    from bot.storage.database import parse_url

    url = parse_url(read_settings().database_url.get_secret_value())
    if url.get_backend_name() == "sqlite":
        files.check(Path(url.database or ""), create=True)
    changed = schema.upgrade(url)
    typer.echo("The tables are up to date now." if changed else "The tables were up to date.")


def backup(
    file: Annotated[Path, typer.Argument(help="Where to; must not be there.", show_default=False)],
) -> None:
    """A consistent copy, also while the bot runs.

    Copies SQLite; for PostgreSQL it prints the line for pg_dump.
    """
    from bot.config.settings import read_settings
    from bot.storage.backup import back_up

    size = back_up(read_settings().database_url.get_secret_value(), file)
    typer.echo(f"{file}: {size} bytes.")
