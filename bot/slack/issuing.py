"""The credentials in their form, once they were made: for a press, and for a form of questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import RefusalError
from bot.domain.grant import State
from bot.engine.service import NOTHING_SAID
from bot.slack.forms import credentials_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.models.views import View

    from bot.slack.desk import Desk


async def issued(
    desk: Desk, user: str, grant_id: str, answers: Mapping[str, str] = NOTHING_SAID
) -> View:
    """Makes them and shows them. Raises `RefusalError`, also when the access ended meanwhile."""
    credential = await desk.service.issue(user, grant_id, answers)
    grant = await desk.reading.grant(grant_id)
    if grant is None or grant.state is not State.ACTIVE:
        raise RefusalError("stale", "The access ended while they were made.")
    return credentials_form(desk.words, grant, credential)
