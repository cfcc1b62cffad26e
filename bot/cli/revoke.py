"""`curfew revoke`."""

from typing import Annotated

import typer

from bot.cli.words import examples

WAIT = 60


def register(program: typer.Typer) -> None:
    """Adds the command."""
    program.command(
        epilog=examples(
            "curfew revoke 7k2m --reason 'laptop lost'",
            "curfew revoke --who dana@example.com --reason 'left the company'",
            "curfew revoke --resource prod-db --reason 'maintenance'",
            "curfew revoke --all --reason 'incident 42'",
        )
    )(revoke)


def revoke(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Grant ids, or how they begin.", show_default=False)
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is live.")] = False,
    resource: Annotated[str | None, typer.Option(help="All access to this resource.")] = None,
    who: Annotated[
        str | None, typer.Option(help="All access of this person: e-mail or user id.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why: it stands in the audit log.", show_default=False)
    ] = "",
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for the proven end; 0 does not wait.")
    ] = WAIT,
) -> None:
    """Ends access, without Slack.

    Waits until the provider, asked again, says that it is gone. Beside a running bot it hands
    over through the database; without one it calls the providers itself. Requests that wait are
    cancelled. Exit code 1 when something is still there at the end.
    """
    from bot.cli.ending import Choice, end_access

    choice = Choice(
        ids=tuple(ids or ()), everything=everything, resource=resource, who=who, reason=reason
    )
    end_access(choice, wait=float(wait))
