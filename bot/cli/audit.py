"""`curfew audit`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.words import examples, group


class Form(StrEnum):
    """How the log is exported."""

    JSONL = "jsonl"


def register(program: typer.Typer) -> None:
    """Adds the group."""
    made = group(
        "audit",
        "The audit log: proving it, exporting it.",
        "curfew audit verify",
        "curfew audit export --format jsonl --since 30d > log.jsonl",
        "curfew audit key > audit.pub",
    )
    made.command(
        epilog=examples(
            "curfew audit verify", "curfew audit verify --checkpoint audit.key.checkpoint"
        )
    )(verify)
    made.command(
        epilog=examples(
            "curfew audit export --format jsonl > log.jsonl",
            "curfew audit export --format jsonl --since 7d | gzip > week.jsonl.gz",
            "curfew audit export --format jsonl --since 2026-01-01",
        )
    )(export)
    made.command(epilog=examples("curfew audit key > audit.pub"))(key)
    program.add_typer(made)


def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A signed checkpoint that was kept elsewhere: shows a log that was cut since."
            " Without it the one beside the audit key is used where it is there."
        ),
    ] = None,
) -> None:
    """Proves the log from its first line to its last, and the signed checkpoints.

    Names the first bad line; exit code 1 when there is one.
    """
    from bot.cli.proof import verify_log

    verify_log(checkpoint)


def export(
    form: Annotated[
        Form, typer.Option("--format", help="What a SIEM and an auditor read.")
    ] = Form.JSONL,
    since: Annotated[
        str | None, typer.Option(help="From then on: 30d, 12h, or a date such as 2026-01-31.")
    ] = None,
) -> None:
    """Writes the log to standard output, a line of JSON for each event and checkpoint.

    curfew_verify.py proves such a file with the public key alone: see docs/audit-format.md.
    """
    from bot.cli.proof import export_log

    del form  # JSON lines are the only one yet
    export_log(since)


def key() -> None:
    """Prints the public half of the key that signs checkpoints, and its id on standard error."""
    from bot.cli.proof import print_key

    print_key()
