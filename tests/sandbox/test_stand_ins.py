"""The stand-ins start alone, say where they are, and end when told to."""

import re
import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["kubernetes", "okta", "vault"])
def test_one_starts_alone(name: str) -> None:
    """`python -m sandbox.providers.NAME` listens, prints what a newcomer needs, ends by Ctrl-C."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", f"sandbox.providers.{name}", "0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        while not lines or "Ctrl-C" not in lines[-1]:
            line = process.stdout.readline()
            assert line, "it ended before it listened"
            lines.append(line)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert re.search(r"http://127\.0\.0\.1:\d+$", lines[0].strip())
    assert any("token" in line for line in lines)
