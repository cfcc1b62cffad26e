"""`curfew run`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def register(program: "typer.Typer") -> None:
    """Adds the command."""
    from bot.cli.words import examples

    program.command(
        epilog=examples(
            "curfew run",
            "CURFEW_POLICY=/etc/curfew/policy.yml curfew run",
            "CURFEW_LOG_LEVEL=DEBUG curfew run",
        )
    )(run)


def run() -> None:
    """Runs the bot; without Slack tokens the demo.

    Settings come from the environment and from .env: see .env.example. SIGHUP reads the policy
    again, SIGTERM and Ctrl-C stop within ten seconds.
    """
    from bot.config.settings import Mode, read_settings

    settings = read_settings()
    if settings.mode is Mode.DEMO:
        from bot.cli.demo import play

        play(settings.host, settings.port)
        return
    from bot.app.process import run_bot

    run_bot(settings)
