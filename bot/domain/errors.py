"""What can go wrong, by what the caller does next.

- `RefusalError`: a person asked for what cannot be; tell them, privately. Nothing was changed.
- `IllegalEventError`: the grant is in another state than the caller thought; tell what it is now.
- `ProgramError`: a bug of ours; let it rise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain.grant import Grant


class CurfewError(Exception):
    """The root of all our errors."""


class RefusalError(CurfewError):
    """A person asked for what cannot be. `code` is stable, for the log and for tests.

    `hint` is the way out: a corrected line to paste, or who could do it.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        """`message` is one sentence that ends with a full stop."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class IllegalEventError(CurfewError):
    """The event has no rule in the state that the grant was found in."""

    def __init__(self, grant: Grant, event: str) -> None:
        """Carries the grant as found, so that the clicker can be told what happened to it."""
        super().__init__(f"{event} is not possible while {grant.state.value}")
        self.grant = grant
        self.event = event


class ProgramError(CurfewError):
    """A bug of ours: a rule of the program was broken by the program."""
