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
            "curfew audit verify",
            "curfew audit verify --checkpoint audit.key.checkpoint",
            "curfew audit verify --against-slack",
        )
    )(verify)
    made.command(
        epilog=examples(
            "curfew audit export --format jsonl > log.jsonl",
            "curfew audit export --format jsonl --since 7d | gzip > week.jsonl.gz",
            "curfew audit export --format jsonl --since 2026-01-01",
        )
    )(export)
    made.command(
        epilog=examples("curfew audit key > audit.pub", "curfew audit key --all > audit.pub")
    )(key)
    made.command("rotate-key", epilog=examples("curfew audit rotate-key"))(rotate_key)
    made.command(
        epilog=examples("curfew audit erase dana@example.com", "curfew audit erase U0123ABC --yes")
    )(erase)
    program.add_typer(made)


def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A signed checkpoint that was kept elsewhere: shows a log that was cut since."
            " Without it the one beside the audit key is used where it is there."
        ),
    ] = None,
    *,
    against_slack: Annotated[
        bool,
        typer.Option(
            "--against-slack",
            help="Compare with what stands in the audit channel, too. Needs the scope"
            " channels:history, or groups:history where the channel is private.",
        ),
    ] = False,
) -> None:
    """Proves the log from its first line to its last.

    The signed checkpoints too. Names the first bad line; exit code 1 when there is one.
    """
    from bot.cli.proof import verify_log

    verify_log(checkpoint, against_slack=against_slack)


def export(
    form: Annotated[
        Form, typer.Option("--format", help="What a SIEM and an auditor read.")
    ] = Form.JSONL,
    since: Annotated[
        str | None, typer.Option(help="From then on: 30d, 12h, or a date such as 2026-01-31.")
    ] = None,
) -> None:
    """Writes the log to standard output.

    A line of JSON for each event and checkpoint. curfew_verify.py proves such a file with the
    public key alone: see docs/audit-format.md.
    """
    from bot.cli.proof import export_log

    del form  # JSON lines are the only one yet
    export_log(since)


def key(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="The keys before it, too: older checkpoints need them.")
    ] = False,
) -> None:
    """Prints the public half of the key that signs checkpoints.

    Its id goes to standard error.
    """
    from bot.cli.rotation import print_key

    print_key(every=every)


def rotate_key() -> None:
    """Makes a new key for signing checkpoints.

    The old one signs that it is the next. The old public half is kept, so what it signed can still
    be checked; it signs nothing more. A running bot takes up the new key by itself. A change that
    was cut short is finished by a second call.
    """
    from bot.cli.rotation import rotate_key as rotate

    rotate()


def erase(
    person: Annotated[str, typer.Argument(help="E-mail or user id.", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
) -> None:
    """Erases what a person wrote, and who they are.

    And what others wrote about their access. The log stays whole, and says that it was done. Ids,
    times, resources and decisions stay: they are the log. Refused while the person has access.
    Messages in Slack, exports and backups are not touched.
    """
    from bot.cli.erasure import erase_person

    erase_person(person, is_sure=yes)
