"""`curfew grants`."""

from typing import Annotated

import typer

from bot.cli.words import examples, group

LIMIT = 100


def register(program: typer.Typer) -> None:
    """Adds the group."""
    grants = group(
        "grants",
        "Lists grants, or shows one with its history.",
        "curfew grants",
        "curfew grants --state active --resource prod-db",
        "curfew grants --who dana@example.com --all",
        "curfew grants show 7k2m",
    )
    grants.callback(invoke_without_command=True)(list_grants)
    grants.command("show", epilog=examples("curfew grants show 7k2m"))(show)
    program.add_typer(grants, no_args_is_help=False)


def list_grants(
    context: typer.Context,
    *,
    state: Annotated[
        list[str] | None, typer.Option(help="Only in this state; may be repeated.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Of this person: e-mail or user id.")] = None,
    resource: Annotated[str | None, typer.Option(help="To this resource.")] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only what should be gone and is not.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="What is over, too; else only what is live.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = LIMIT,
) -> None:
    """Lists grants, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from bot.cli.selection import Wanted, state_of, states_of
    from bot.cli.tables import print_grants

    named = [state_of(word) for word in state or ()]
    wanted = Wanted(
        states=states_of(named, everything=everything),
        who=who,
        resource=resource,
        overdue=overdue,
        limit=limit,
    )
    print_grants(wanted)


def show(
    grant: Annotated[str, typer.Argument(help="The id, or its first four characters or more.")],
) -> None:
    """Tells one grant with its whole history."""
    from bot.cli.tables import print_grant

    print_grant(grant)
