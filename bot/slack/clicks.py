"""Buttons: who pressed comes from Slack, what it is about from the row, the rest from the engine.

A button's value names a grant and nothing else. On a message it counts only where Curfew itself
posted that message for that grant.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bot.domain.errors import RefusalError
from bot.domain.grant import State
from bot.slack.actions import ActionId
from bot.slack.desk import Place
from bot.slack.errand import Errand
from bot.slack.forms import (
    answers_form,
    deny_form,
    extend_form,
    extension_deny_form,
    moment_form,
    request_form,
    shorter_form,
)
from bot.slack.issuing import issued

if TYPE_CHECKING:
    from slack_sdk.models.views import View

    from bot.slack.desk import Desk
    from bot.slack.payloads import Press

A = ActionId
SETTLING: Final = (0.05, 0.1, 0.25, 0.5)
"""Seconds between looks for a message that was posted a moment ago: people are that quick."""


class Clicks:
    """Stateless: any number of presses at once."""

    def __init__(self, desk: Desk) -> None:
        """Everything is looked up at the desk."""
        self._desk = desk

    async def run(self, press: Press) -> None:
        """Do what the button says. Nothing for a button of no grant, such as a link.

        Raises `RefusalError`, and what the engine raises.
        """
        button = press.button
        if button is None:
            return
        await self._desk.require_own(press.user.team_id)
        action, number = button
        if not press.at_home:
            await self._require_original(press)
        if action is A.ASK:
            await self._desk.open(place_of(press), self._request(press))
        elif action is A.CREDENTIALS:
            await self._credentials(press)
        elif action in FORMS:
            await self._desk.open(place_of(press), self._form(press, action, number or 0))
        else:
            await self._act(press, action, number or 0)

    async def _act(self, press: Press, action: ActionId, number: int) -> None:
        service, user, grant, seen = self._desk.service, press.user.id, press.target, press.seen
        match action:
            case A.APPROVE:
                await service.vote(user, grant, seen=seen)
            case A.REVOKE:
                await service.revoke(user, grant, seen=seen)
            case A.CANCEL:
                await service.cancel(user, grant, seen=seen)
            case A.DONE:
                await service.complete(user, grant, seen=seen)
            case A.EXTENSION_APPROVE:
                await service.vote_extension(user, grant, number, seen=seen)
            case _:
                raise self._desk.refusal("not_available")

    async def _require_original(self, press: Press) -> None:
        """Raises `RefusalError` for a click on anything but our own message about that grant."""
        where = press.container
        if where.channel_id and where.message_ts and not where.is_ephemeral:
            for wait in (*SETTLING, None):
                found = await self._desk.reading.posting_at(where.channel_id, where.message_ts)
                if found is not None and found.grant_id == press.target:
                    return
                if found is not None or wait is None:
                    break
                await asyncio.sleep(wait)
        raise self._desk.refusal("copy")

    # --- forms --------------------------------------------------------------------------------

    async def _request(self, press: Press) -> View:
        desk = self._desk
        offers = await desk.reading.offers(press.user.id)
        return request_form(desk.words, offers, errand=Errand(), resource=press.target)

    async def _form(self, press: Press, action: ActionId, number: int) -> View:
        """The form that a button opens; a refusal where sending it off could only be refused."""
        desk, user = self._desk, press.user.id
        grant = await desk.reading.grant(press.target)
        if grant is None:
            raise RefusalError("unknown_grant", "There is no such grant.", hint="/access mine")
        errand = Errand(grant.id, press.container.channel_id, number)
        if action is A.EXTEND:
            if grant.state is not State.ACTIVE:
                # The engine says what it is instead, and writes the refusal down.
                await desk.service.extend(
                    user, grant.id, grant.duration, reason="", seen=press.seen
                )
            return extend_form(desk.words, grant, errand=errand)
        # Nobody fills in a form only to be told that they may not; asked again when it comes.
        await desk.service.require_decider(user, grant.id)
        if action is A.EXTENSION_DENY:
            return extension_deny_form(desk.words, grant, errand=errand)
        if grant.state is not State.PENDING:
            await desk.service.deny(user, grant.id, seen=press.seen)
        if action is A.APPROVE_SHORTER:
            return shorter_form(desk.words, grant, errand=errand)
        return deny_form(desk.words, grant, errand=errand)

    # --- credentials --------------------------------------------------------------------------

    async def _credentials(self, press: Press) -> None:
        """What the adapter asks; else a form at once, filled as soon as the provider made them."""
        desk, user, target = self._desk, press.user.id, press.target
        if asks := await desk.service.questions(user, target):
            errand = Errand(target, press.container.channel_id)
            await desk.show(place_of(press), answers_form(desk.words, asks, errand=errand))
            return
        view_id = await desk.show(place_of(press), moment_form(desk.words))
        desk.tasks.start(desk.fill(view_id, issued(desk, user, target)), "show credentials")


FORMS: Final = frozenset({A.APPROVE_SHORTER, A.DENY, A.EXTEND, A.EXTENSION_DENY})


def place_of(press: Press) -> Place:
    """Where to answer: the channel and thread of the message, else only by a form."""
    where = press.container
    return Place(press.user.id, where.channel_id, where.thread_ts, press.trigger_id)
