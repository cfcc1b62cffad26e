"""Forms that were sent off: what was typed becomes one call of the engine.

What cannot be is said beside the field that it is about, and what was typed stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.base import complaints
from bot.domain import command
from bot.domain.durations import parse as parse_duration
from bot.domain.errors import RefusalError
from bot.domain.grammar import parse
from bot.slack.actions import Field, FormId, answer_field
from bot.slack.errand import parse_errand
from bot.slack.forms import moment_form
from bot.slack.issuing import issued
from bot.slack.refusals import FIELD, time_trouble

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.slack.desk import Desk
    from bot.slack.payloads import Submission
    from bot.slack.refusals import Trouble

FIELD_OF: Final = {
    "duration": Field.DURATION,
    "limit": Field.DURATION,
    "longer": Field.DURATION,
    "moment": Field.DURATION,
    "over_limit": Field.DURATION,
    "past": Field.DURATION,
    "too_long": Field.DURATION,
    "too_far": Field.START,
    "reason_long": Field.REASON,
    "reason_missing": Field.REASON,
    "reason_pattern": Field.REASON,
    "reason_short": Field.REASON,
}
"""Beside which field a refusal stands; the form's first one for all others."""

Ack = Mapping[str, object]
"""What is acked: what becomes of the form. Empty closes it."""

CLOSED: Final[Ack] = {}

STAND_IN: Final = "reason"
"""Put behind a time so that the grammar of `/access` reads it whole."""


class Submissions:
    """Stateless: any number of forms at once."""

    def __init__(self, desk: Desk) -> None:
        """Everything is looked up at the desk."""
        self._desk = desk

    async def run(self, sent: Submission) -> Ack:
        """Do what the form says. Raises `RefusalError`, and what the engine raises."""
        await self._desk.require_own(sent.user.team_id)
        service, user, seen = self._desk.service, sent.user.id, sent.seen
        errand = parse_errand(sent.view.private_metadata)
        reason = sent.answer(Field.REASON)
        match sent.view.callback_id:
            case FormId.REQUEST:
                await service.ask(user, await self._asked(sent), seen=seen)
            case FormId.SHORTER:
                await service.vote(user, errand.grant, duration=_length(sent), seen=seen)
            case FormId.DENY:
                await service.deny(user, errand.grant, reason=reason, seen=seen)
            case FormId.EXTEND:
                by = _length(sent)
                await service.extend(user, errand.grant, by, reason=reason, seen=seen)
            case FormId.EXTENSION_DENY:
                await service.deny_extension(
                    user, errand.grant, errand.number, reason=reason, seen=seen
                )
            case FormId.ANSWERS:
                return await self._credentials(sent, errand.grant)
            case _:
                pass  # a form with nothing to send off
        return CLOSED

    async def _credentials(self, sent: Submission, grant: str) -> Ack:
        """A moment's patience in the form's place, or what is wrong with an answer beside it."""
        desk, user = self._desk, sent.user.id
        asks = await desk.service.questions(user, grant)
        answers = {ask.name: sent.answer(answer_field(ask.name)) for ask in asks}
        if wrong := complaints(asks, answers):
            return beside({answer_field(name): said for name, said in wrong.items()})
        if not await desk.service.is_first(sent.seen):
            raise desk.refusal("issued_already")
        # Slack may hear our update before our ack, which would then hide what was shown. The
        # view has this id only from the ack on.
        ticket = f"credentials:{sent.view.id}"
        making = issued(desk, user, grant, answers)
        desk.tasks.start(desk.fill(sent.view.id, making, ticket=ticket), "show credentials")
        return {"response_action": "update", "view": moment_form(desk.words, ticket)}

    async def _asked(self, sent: Submission) -> command.Ask:
        """The request that the form makes; times are read as in a typed line."""
        resource = sent.answer(Field.RESOURCE).lower()
        typed, picked = sent.answer(Field.DURATION), sent.moment(Field.START)
        starts_at = None if picked is None else datetime.fromtimestamp(picked, UTC)
        if starts_at is not None and starts_at <= self._desk.now():
            starts_at = None
        duration, ends_at = await self._when(sent.user.id, typed, starts_at)
        return command.Ask(
            resource=resource,
            reason=sent.answer(Field.REASON),
            duration=duration,
            starts_at=starts_at,
            ends_at=ends_at,
        )

    async def _when(
        self, user: str, typed: str, starts_at: datetime | None
    ) -> tuple[timedelta | None, datetime | None]:
        """How long or until when. Raises `RefusalError` with code `duration` or `moment`."""
        if not typed:
            return None, None
        if not typed.lower().startswith("until"):
            return parse_duration(typed), None
        account = await self._desk.people.account(user)
        start = ""
        if starts_at is not None:
            start = f" at {starts_at.astimezone(_zone(account.timezone)):%Y-%m-%d %H:%M}"
        line = f"form {typed}{start} {STAND_IN}"
        read = parse(line, resources={"form"}, timezone=account.timezone, now=self._desk.now())
        if not isinstance(read, command.Ask) or read.reason != STAND_IN:
            raise time_trouble(typed)
        return read.duration, read.ends_at


def beside(said: Mapping[str, str]) -> Ack:
    """The ack that shows sentences beside the fields of those names."""
    return {"response_action": "errors", "errors": {key: said[key][:FIELD] for key in said}}


def errors(sent: Submission, trouble: Trouble) -> Ack | None:
    """The ack that shows it beside its field; None for a form that has none."""
    questions = sent.view.questions
    if not questions:
        return None
    field = FIELD_OF.get(trouble.code)
    place = field.value if field is not None and field.value in questions else questions[0]
    return beside({place: trouble.sentence})


def _length(sent: Submission) -> timedelta:
    typed = sent.answer(Field.DURATION)
    if not typed:
        raise RefusalError("duration", "How long is missing.", hint="Write 30m.")
    return parse_duration(typed)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
