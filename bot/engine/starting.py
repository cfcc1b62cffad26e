"""A scheduled grant whose hour has come: the person and the rule must still stand."""

from datetime import timedelta
from typing import Final

from bot.domain.acts import Act, Cancel, Retry, Role, Start
from bot.domain.errors import RefusalError
from bot.engine.authority import Authority, standing_rule
from bot.engine.jobs import Job

DISTANCE: Final = timedelta(seconds=5)
TRIES: Final = 120
"""A start waits ten minutes for Slack to say who the person is; after it the answer is no."""


class Starter:
    """Decides on starts."""

    def __init__(self, authority: Authority) -> None:
        """Asks it anew for each start."""
        self._authority = authority

    async def decide(self, job: Job) -> tuple[Act, ...]:
        """`Start`, or `Cancel` with the reason; later again while Slack cannot say."""
        grant = job.grant
        try:
            parties = await self._authority.parties(grant, grant.requester)
            standing_rule(grant, parties)
        except RefusalError as error:
            if error.code == "slack_away" and grant.attempts < TRIES:
                return (
                    Retry(actor="worker", role=Role.WORKER, error=error.message, after=DISTANCE),
                )
            return (Cancel(actor="clock", role=Role.CLOCK, reason=error.message),)
        return (Start(actor="clock", role=Role.CLOCK),)
