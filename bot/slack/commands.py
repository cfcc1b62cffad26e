"""`/access`: a line becomes one call of the engine and one answer in the ack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.domain import command
from bot.domain.errors import RefusalError
from bot.domain.grammar import parse
from bot.domain.people import Standing
from bot.domain.verdict import not_a_member
from bot.engine.ports import DirectoryError
from bot.slack.answers import Answers
from bot.slack.desk import Place
from bot.slack.errand import Errand
from bot.slack.forms import request_form
from bot.slack.refusals import corrected
from bot.slack.standing import USER_ID

if TYPE_CHECKING:
    from slack_sdk.models.views import View

    from bot.domain.command import Command
    from bot.slack.desk import Desk
    from bot.slack.message import Message
    from bot.slack.payloads import Typed

UNKNOWN: Final = frozenset({"unknown_word", "unknown_resource"})
CLOCK_WORD: Final = re.compile(r"\b(?:at|until)\b", re.IGNORECASE)
EXAMPLE: Final = "prod-db"
"""Named in the help for somebody who may ask for nothing."""


class Commands:
    """Stateless: any number of lines at once."""

    def __init__(self, desk: Desk) -> None:
        """Everything is looked up at the desk."""
        self._desk = desk
        self._answers = Answers(desk.words)

    async def run(self, typed: Typed) -> Message | None:
        """The answer; None when a form was opened instead.

        Raises `RefusalError`, and what the engine raises.
        """
        desk = self._desk
        await desk.require_own(typed.team_id)
        if typed.text.strip().lower() == "help":
            return await self._help(typed.user_id)
        asked = await self._read(typed)
        if not isinstance(asked, command.Ask | command.OpenForm):
            # A request is refused by the engine, which writes it down; a form must open at once.
            await self._require_member(typed.user_id)
        try:
            return await self._do(typed, asked)
        except RefusalError as error:
            raise corrected(error, asked) from None

    async def _read(self, typed: Typed) -> Command:
        """The line, read against the policy; also against what one has and the policy lost."""
        names = set(self._desk.policy.resources)
        zone = await self._zone(typed)
        now = self._desk.now()
        try:
            return parse(typed.text, resources=names, timezone=zone, now=now)
        except RefusalError as error:
            if error.code not in UNKNOWN:
                raise
            mine = {grant.resource for grant in await self._desk.reading.mine(typed.user_id)}
            if mine <= names:
                raise
            return parse(typed.text, resources=names | mine, timezone=zone, now=now)

    async def _zone(self, typed: Typed) -> str:
        """Where the person's clock stands; nobody is looked up for a line that names no time."""
        if CLOCK_WORD.search(typed.text) is None:
            return "UTC"
        return (await self._desk.people.account(typed.user_id)).timezone

    async def _require_member(self, user: str) -> None:
        account = await self._desk.people.account(user)
        if account.standing is not Standing.MEMBER:
            not_a_member(account).require()

    async def _do(self, typed: Typed, asked: Command) -> Message | None:
        match asked:
            case command.OpenForm():
                await self._open(typed, asked)
                return None
            case command.Ask():
                return await self._ask(typed, asked)
            case command.Extend():
                return await self._extend(typed, asked)
            case command.Revoke():
                return await self._revoke(typed, asked)
            case command.Help():
                return await self._help(typed.user_id)
            case _:
                return await self._look(typed.user_id, asked)

    # --- acts ---------------------------------------------------------------------------------

    async def _open(self, typed: Typed, asked: command.OpenForm) -> None:
        desk = self._desk
        if asked.emergency:
            raise desk.refusal("not_available")

        async def form() -> View:
            await self._require_member(typed.user_id)
            return request_form(
                desk.words,
                await desk.reading.offers(typed.user_id),
                errand=Errand(channel=typed.channel_id),
                resource=asked.resource,
                duration=asked.duration,
                starts_at=asked.starts_at,
            )

        await desk.open(Place(typed.user_id, typed.channel_id, trigger=typed.trigger_id), form())

    async def _ask(self, typed: Typed, asked: command.Ask) -> Message:
        # Looked up before, so that nothing is waited for between the commit and the ack.
        waiting = await self._desk.deciders(asked.resource, typed.user_id)
        grant = await self._desk.service.ask(typed.user_id, asked, seen=typed.seen)
        return self._answers.asked(grant, waiting)

    async def _extend(self, typed: Typed, asked: command.Extend) -> Message:
        service = self._desk.service
        meant = await service.pick(typed.user_id, asked.target)
        waiting = await self._desk.deciders(meant.resource, meant.requester)
        grant = await service.extend(
            typed.user_id, meant.id, asked.duration, reason=asked.reason, seen=typed.seen
        )
        return self._answers.extended(grant, asked.duration, waiting)

    async def _revoke(self, typed: Typed, asked: command.Revoke) -> Message:
        service = self._desk.service
        meant = await service.pick(typed.user_id, asked.target)
        grant = await service.revoke(typed.user_id, meant.id, reason=asked.reason, seen=typed.seen)
        return self._answers.ended(grant)

    # --- looks --------------------------------------------------------------------------------

    async def _look(self, user: str, asked: Command) -> Message:
        reading, answers = self._desk.reading, self._answers
        match asked:
            case command.List():
                return answers.offers(await reading.offers(user))
            case command.Who():
                return answers.holders(asked.resource, await reading.holders(user, asked.resource))
            case command.Audit():
                return await self._audit(user, asked)
            case _:
                return answers.mine(await reading.mine(user), await reading.waiting_for(user))

    async def _audit(self, user: str, asked: command.Audit) -> Message:
        person = await self._person(asked.person) if asked.person else None
        since = self._desk.now() - asked.since if asked.since else None
        found = await self._desk.reading.history(
            user, resource=asked.resource, person=person, since=since
        )
        return self._answers.history(found, resource=asked.resource, person=person, since=since)

    async def _person(self, word: str) -> str:
        """The id of whom a word of the line means. Raises `RefusalError`."""
        if USER_ID.fullmatch(word):
            return word
        account = None if word.startswith("@") else await self._desk.people.find(word)
        if account is None:
            raise self._desk.refusal("unknown_person", person=word[:80])
        return account.user

    async def _help(self, user: str) -> Message:
        """Also while Slack cannot say who asks: help tells no secrets."""
        try:
            offers = await self._desk.reading.offers(user)
        except (DirectoryError, RefusalError):
            offers = ()
        return self._answers.help(offers[0].name if offers else EXAMPLE)
