"""`curfew demo`."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.words import examples

HOST = "127.0.0.1"
PORT = 3000


def register(program: typer.Typer) -> None:
    """Adds the command."""
    program.command(
        epilog=examples("curfew demo", "curfew demo --port 3100", "curfew demo --fresh")
    )(demo)


def demo(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Of the page; 0 takes a free one.")
    ] = PORT,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was played before.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="Where the demo keeps its data; .demo by default.")
    ] = None,
) -> None:
    """Plays the whole story in a browser.

    A workspace, a real database to protect, and the bot between them. Needs no Slack and no
    tokens, listens on this machine only and prints one URL. Ctrl-C ends everything.
    """
    play(HOST, port, state=state, fresh=fresh)


def play(host: str, port: int, *, state: Path | None = None, fresh: bool = False) -> None:
    """Run the demo until it is stopped."""
    from bot.demo.play import run_demo

    run_demo(host, port, state=state, fresh=fresh)
