"""How commands are described."""

import typer


def examples(*lines: str) -> str:
    """The epilog of a command: lines to paste."""
    # \b keeps the lines as they are.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def group(name: str, about: str, *lines: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        name=name,
        help=about,
        epilog=examples(*lines),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
