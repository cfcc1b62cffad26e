"""Why a bot does not start: all of these end it with exit code 2."""

from collections.abc import Sequence

from bot.config.errors import ConfigurationError
from bot.slack.checks import Finding


class WorkspaceError(ConfigurationError):
    """Slack is not as Curfew needs it. Every finding is told, the first one as the sentence."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """There is at least one finding."""
        first, *others = findings
        more = tuple(f"{other.message} {other.hint}" for other in others)
        super().__init__(first.message, hints=(first.hint, *more))
