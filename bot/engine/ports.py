"""What the engine needs from outside, as interfaces that the composition root fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.errors import CurfewError
from bot.domain.people import Account
from bot.domain.policy import Policy
from bot.domain.record import QueuedNotice
from bot.storage.postings import Posting

__all__ = [
    "Delivered",
    "Directory",
    "DirectoryError",
    "Meter",
    "PolicySource",
    "PostLaterError",
    "PostRefusedError",
    "Poster",
    "Posting",
]


class DirectoryError(CurfewError):
    """Slack cannot say who this is right now: whoever asked for authority gets a no."""


class Directory(Protocol):
    """Who is who in the workspace, no older than a minute."""

    async def account(self, user: str) -> Account:
        """The person behind a Slack user id.

        Raises `DirectoryError` when Slack cannot say; an id that Slack does not know is an
        account whose standing is stranger.
        """
        ...

    async def find(self, email: str) -> Account | None:
        """The person behind an e-mail address, None when the workspace has no such member."""
        ...


class PolicySource(Protocol):
    """The policy in force; replaced as a whole by a reload."""

    @property
    def current(self) -> Policy: ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """A notice was told. `postings` are the messages made or changed, to be remembered."""

    postings: Sequence[Posting] = ()


class UntoldError(CurfewError):
    """The root of why a notice was not told. `postings` are of what was, before that."""

    postings: Sequence[Posting] = ()


class PostLaterError(UntoldError):
    """Not told now: try again after `retry_after` seconds (None: the outbox's own distance).

    `unsure` says that the message may have arrived all the same.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, unsure: bool = False
    ) -> None:
        """`message` is for the log."""
        super().__init__(message)
        self.retry_after = retry_after
        self.unsure = unsure


class PostRefusedError(UntoldError):
    """Never to be told this way: the channel is gone, the person deactivated. `code` is Slack's."""

    def __init__(self, code: str, message: str) -> None:
        """`message` is one sentence for the admins."""
        super().__init__(message)
        self.code = code


class Poster(Protocol):
    """The outbox's way to people."""

    async def deliver(self, notice: QueuedNotice, now: datetime) -> Delivered:
        """Tell it. Rendered from the rows as they are now, so repeats and delays are harmless.

        Raises `PostLaterError` or `PostRefusedError`.
        """
        ...


class Meter(Protocol):
    """Where figures go. Seconds throughout."""

    def observe_provider_call(
        self, provider: str, verb: str, outcome: str, seconds: float
    ) -> None: ...

    def observe_lateness(self, seconds: float) -> None:
        """From a grant's end, or the press of Revoke now, to its verified end."""
        ...

    def observe_ack(self, kind: str, seconds: float) -> None: ...

    def count_slack_error(self, method: str, code: str) -> None: ...
