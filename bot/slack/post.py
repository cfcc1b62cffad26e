"""The outbox's way into Slack: each notice rendered from the rows as they are when it is sent.

Order of work within a notice: what may be repeated (edits) first, the one new message last. So a
notice that is tried again after a fault brings things up to date once more and posts once.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from markupsafe import Markup

from bot.domain.errors import ProgramError
from bot.domain.grant import State, Task
from bot.domain.record import EventKind, NoticeKind, QueuedNotice, SealedEvent
from bot.engine.ports import (
    Delivered,
    PolicySource,
    Posting,
    PostLaterError,
    PostRefusedError,
    UntoldError,
)
from bot.slack.callings import Callings
from bot.slack.calls import Calls, Label, Place, StaleMessageError
from bot.slack.cards import extension_card, request_card, task_card
from bot.slack.case import CARD, Case, card_of, thread_under
from bot.slack.dms import DM_ROLES, ONCE, own_message, without_buttons
from bot.slack.lines import Occasion, audit_line, thread_line
from bot.slack.message import Message, message, section
from bot.slack.rows import Rows
from bot.slack.story import Story
from bot.slack.text import mention
from bot.slack.words import Words

N = NoticeKind
AUDIT_WAIT: Final = 60.0


class SlackPoster:
    """The engine's poster. `read` comes with the engine: call `attach` before it starts."""

    def __init__(
        self, calls: Calls, policies: PolicySource, callings: Callings, words: Words
    ) -> None:
        """Sends nothing by itself."""
        self._calls = calls
        self._policies = policies
        self._callings = callings
        self._words = words
        self._rows: Rows | None = None

    def attach(self, rows: Rows) -> None:
        """The engine that this poster was made for has come to be; `rows` is its reading."""
        self._rows = rows

    @property
    def troubles(self) -> Mapping[str, str]:
        """What keeps messages from being told right now, a sentence each, for `/readyz`."""
        return dict(self._calls.troubles)

    async def deliver(self, notice: QueuedNotice, now: datetime) -> Delivered:
        """Tell it. Raises `PostLaterError` or `PostRefusedError`."""
        del now
        about = notice.notice
        if about.kind is N.AUDIT_LINE:
            return await self._tell_audit(notice)
        case = await self._case(notice)
        if case is None:
            return Delivered()
        ways: dict[NoticeKind, Callable[[Case], Awaitable[Delivered]]] = {
            N.CARD: self._tell_card,
            N.EXTENSION_CARD: self._tell_extension,
            N.TASK_CARD: self._tell_task,
            N.THREAD: self._tell_thread,
            N.REMINDER: self._tell_reminder,
            N.DM_REFRESH: self._refresh_own,
        }
        return await ways.get(about.kind, self._tell_requester)(case)

    # --- the channel ----------------------------------------------------------------------------

    async def _tell_card(self, case: Case) -> Delivered:
        shown = request_card(self._words, case.story)
        return await self._bring(case, CARD, self._home_of(case), shown)

    async def _tell_extension(self, case: Case) -> Delivered:
        data = case.notice.notice.data
        number = data.get("number")
        if not isinstance(number, int):
            raise ProgramError("an extension's card has its number")
        shown = extension_card(self._words, case.story, number, data)
        if shown is None:
            return Delivered()
        card = case.postings.get(CARD)
        place = Place(card.channel) if card else self._home_of(case)
        return await self._bring(case, f"extension:{number}", place, shown)

    async def _tell_task(self, case: Case) -> Delivered:
        task = Task(str(case.notice.notice.data.get("task")))
        if case.postings.get(f"task:{task}") is None and case.grant.task is not task:
            return Delivered()  # over before it could be asked for
        operators = self._policies.current.operators(case.resource)
        called = await self._callings.mentions(operators, requester=case.grant.requester)
        asked = self._read.task(case.grant, task) if case.grant.task is task else ""
        shown = task_card(self._words, replace(case.story, operators=called), task, asked)
        return await self._bring(case, f"task:{task}", self._home_of(case), shown)

    async def _bring(self, case: Case, role: str, place: Place, shown: Message) -> Delivered:
        """The message of that role shows this: edited where it stands, else posted once."""
        posting = case.postings.get(role) or await self._lost(case, role, place)
        if posting is not None:
            if posting.digest == shown.digest:
                return Delivered()
            try:
                await self._calls.edit(Place(posting.channel), posting.ts, shown)
            except StaleMessageError:
                pass
            else:
                return Delivered((replace(posting, digest=shown.digest),))
        channel, ts = await self._calls.post(place, shown, case.label(role))
        return Delivered((Posting(case.grant.id, role, channel, ts, shown.digest),))

    async def _lost(self, case: Case, role: str, place: Place) -> Posting | None:
        """A card whose posting was never remembered, after an attempt of unknown outcome."""
        notice = case.notice
        if not notice.unsure:
            return None
        since = min(notice.created_at, case.grant.created_at)
        ts = await self._calls.find(place, case.label(role), since, is_card=True)
        return None if ts is None else Posting(case.grant.id, role, place.channel, ts, "")

    async def _tell_thread(self, case: Case) -> Delivered:
        """The card first, which is up to date before anybody reads what happened to it."""
        event = await self._event(case.notice)
        if event is None:
            return Delivered()
        card = card_of(case)
        brought = await self._tell_card(case)
        place = thread_under(next(iter(brought.postings), card))
        names = await self._callings.names([event.actor, case.grant.requester])
        occasion = Occasion(event, case.grant, case.story.events)
        shown = thread_line(self._words, occasion, lambda user: names.get(user) or mention(user))
        try:
            await self._say(case.notice, place, shown, case.label("thread"))
        except UntoldError as error:
            error.postings = brought.postings
            raise
        return brought

    async def _tell_reminder(self, case: Case) -> Delivered:
        if case.grant.state is not State.PENDING:
            return Delivered()
        text = self._words.mrkdwn("reminder", "text", **case.story.facts)
        shown = message(text, [section(text)])
        place = thread_under(card_of(case))
        return await self._say(case.notice, place, shown, case.label("reminder"))

    def _home_of(self, case: Case) -> Place:
        channel = case.resource.channel if case.resource else None
        return Place(channel or self._policies.current.channels.approvals)

    async def _say(
        self, notice: QueuedNotice, place: Place, shown: Message, label: Label
    ) -> Delivered:
        """A line: posted unless an attempt of unknown outcome turns out to have arrived."""
        if notice.unsure:
            found = await self._calls.find(place, label, notice.created_at, is_card=False)
            if found is not None:
                return Delivered()
        await self._calls.post(place, shown, label)
        return Delivered()

    # --- the audit channel ----------------------------------------------------------------------

    async def _tell_audit(self, notice: QueuedNotice) -> Delivered:
        event = await self._event(notice)
        if event is None:
            return Delivered()
        occasion = await self._occasion(event)
        shown = audit_line(self._words, occasion)
        place = Place(self._policies.current.channels.audit)
        try:
            return await self._say(notice, place, shown, Label(notice.id, "audit", event.grant_id))
        except PostRefusedError as error:
            # This lane never gives up: what it tells is wanted whenever it can be told.
            raise PostLaterError(str(error), retry_after=AUDIT_WAIT) from None

    async def _occasion(self, event: SealedEvent) -> Occasion:
        rows = self._read
        admins = await self._callings.mentions(self._policies.current.admins)
        if event.grant_id is None:
            return Occasion(event, admins=admins)
        grant = await rows.grant(event.grant_id)
        history = tuple(await rows.events(event.grant_id))
        is_overdue = grant is not None and event.kind is EventKind.REVOKE_OVERDUE
        cleanup = rows.cleanup(grant) if grant is not None and is_overdue else ""
        return Occasion(event, grant, history, admins, cleanup)

    # --- the requester --------------------------------------------------------------------------

    async def _tell_requester(self, case: Case) -> Delivered:
        """The former messages first, then the new one, which takes over its role."""
        role, data = case.notice.notice.kind.value, case.notice.notice.data
        kept = await self._former(case, newer=role)
        shown = own_message(self._words, case.story, role, data)
        place, label = Place(case.grant.requester), case.label(role)
        if case.notice.unsure:
            known = await self._read.conversation(case.grant.requester)
            stands = known and await self._calls.find(
                Place(known, queue=place.paced), label, case.notice.created_at, is_card=False
            )
            if known and stands:
                return Delivered((*kept, Posting(case.grant.id, role, known, stands, "")))
        channel, ts = await self._calls.post(place, shown, label)
        return Delivered((*kept, Posting(case.grant.id, role, channel, ts, shown.digest)))

    async def _refresh_own(self, case: Case) -> Delivered:
        return Delivered(await self._former(case))

    async def _former(self, case: Case, newer: str = "") -> tuple[Posting, ...]:
        """Bring the requester's messages up to date; one that `newer` replaces loses its buttons.

        A message that cannot be edited any more is left: a late click is answered by the engine.
        """
        kept = []
        for role, posting in case.postings.items():
            if role not in DM_ROLES - ONCE:
                continue
            render = without_buttons if role == newer else own_message
            shown = render(self._words, case.story, role)
            if shown.digest == posting.digest:
                continue
            try:
                place = Place(posting.channel, queue=case.grant.requester)
                await self._calls.edit(place, posting.ts, shown)
            except (StaleMessageError, PostRefusedError):
                continue
            kept.append(replace(posting, digest=shown.digest))
        return tuple(kept)

    # --- reading --------------------------------------------------------------------------------

    @property
    def _read(self) -> Rows:
        if self._rows is None:
            raise ProgramError("the poster was started before its engine was attached")
        return self._rows

    async def _event(self, notice: QueuedNotice) -> SealedEvent | None:
        seq = notice.notice.data.get("seq")
        if not isinstance(seq, int):
            raise ProgramError("a line tells of an event")
        return await self._read.event(seq)

    async def _case(self, notice: QueuedNotice) -> Case | None:
        rows = self._read
        grant = await rows.grant(notice.notice.grant_id or "")
        if grant is None:
            return None
        policy = self._policies.current
        resource = policy.resources.get(grant.resource)
        approvers = Markup("")
        if resource is not None:
            called = policy.approver_mentions(resource)
            approvers = await self._callings.mentions(called, requester=grant.requester)
        story = Story(
            grant=grant,
            events=tuple(await rows.events(grant.id)),
            effects=rows.effects(grant),
            about=resource.about if resource else "",
            approvers=approvers,
        )
        postings = {posting.role: posting for posting in await rows.postings(grant.id)}
        return Case(notice, story, resource, postings)
