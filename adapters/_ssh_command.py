"""A local program with a time limit: no shell, a fixed environment, nothing to read."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from adapters.base import RefusedError, UnreachableError

SHOWN = 160
"""Characters kept of what a program complains."""


def run(command: Sequence[str], *, environment: Mapping[str, str], limit: float) -> None:
    """Returns when the program ended well. Blocks for at most `limit` seconds.

    Raises `RefusedError` when it cannot be started, `UnreachableError` when it fails or is late;
    a late one is ended with all that it started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own program, from the policy
            list(command),
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise RefusedError(f"{command[0]} cannot be started: {error.strerror}.") from None
    with process:
        try:
            _, said = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise UnreachableError(f"{command[0]} did not end within {limit:g} s") from None
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or [""]
        last = lines[-1][:SHOWN]
        raise UnreachableError(
            f"{command[0]} failed with {process.returncode}: {last}".rstrip(": ")
        )
