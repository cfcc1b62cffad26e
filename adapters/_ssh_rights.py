"""What the ssh adapter needs on its machine, and what errors of the machine mean."""

import errno
import os
from pathlib import Path

from adapters._ssh_page import Page
from adapters._ssh_policy import SshSettings
from adapters.base import AdapterError, RefusedError, UnreachableError

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""What no waiting heals; a full disk or a share that is away, it may."""


def translated(error: OSError) -> AdapterError:
    """The error as the bot has to understand it."""
    said = (error.strerror or type(error).__name__).lower()
    about = f"{error.filename}: {said}" if error.filename else said
    if error.errno in FORBIDDEN:
        return RefusedError(f"{about}. The bot's user must own it, on a file system to write to.")
    return UnreachableError(about)


def missing_for(settings: SshSettings, page: Page) -> list[str]:
    """What is missing besides the CA's key, a sentence with its remedy each."""
    shown, state = settings.shown, settings.state
    found = []
    if state.stat().st_mode & 0o077:
        found.append(f"Others can enter {state}. Run: chmod 700 {state}")
    found += [
        f"{place} cannot be written. Run: chown {_user()} {place}"
        for place in dict.fromkeys((state, shown.parent))
        if not os.access(place, os.W_OK | os.X_OK)
    ]
    if not page.has_list:
        found.append(f"{shown} is no list of revoked keys. Run: ssh-keygen -k -f {shown}")
    if settings.end_sessions and not _can_run(Path(settings.end_sessions[0])):
        found.append(
            f"{settings.end_sessions[0]}, which ends sessions, cannot be run."
            f" Run: chmod +x {settings.end_sessions[0]}"
        )
    return found


def _can_run(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)


def _user() -> str:
    return str(os.geteuid())
