"""What a bot at rest does not carry about."""

import subprocess
import sys


def test_a_bot_loads_nothing_that_it_never_uses() -> None:
    """No migrations, no AWS, no demo, no terminal pictures in the memory of a running bot."""
    asked = "import sys, bot.app.process, adapters.postgres; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    never = {"alembic", "boto3", "botocore", "ldap3", "aiomysql", "sandbox", "rich", "typer"}

    assert "structlog" in loaded
    assert loaded & never == set()
