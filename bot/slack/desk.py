"""What every listener works with, and the two ways to answer one person in private."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from bot.domain.errors import RefusalError
from bot.engine.ports import DirectoryError
from bot.engine.tasks import Tasks
from bot.slack.callings import Callings
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.forms import moment_form, notice_form
from bot.slack.refusals import Trouble, private, trouble_of
from bot.slack.text import escaped
from bot.slack.verdicts import retry_after
from bot.storage.errors import OutcomeUnknownError, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from markupsafe import Markup
    from slack_sdk.models.views import View
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.domain.policy import Policy
    from bot.engine.ports import PolicySource
    from bot.engine.reading import Reading
    from bot.engine.service import Service
    from bot.slack.people import People
    from bot.slack.words import Words
    from bot.slack.workspace import Workspace

log = structlog.get_logger("curfew.slack")

QUICK: Final = 0.7
"""Seconds that the making of a form may take before something is shown in its place."""

OPEN_WITHIN: Final = 1.8
"""Seconds for Slack to open a form: together with `QUICK` less than the life of a trigger."""

ACK_ARRIVES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5)
"""Seconds between looks whether an ack has come to Slack."""

AGAIN_AFTER: Final = 30.0
"""The longest wait that Slack may ask of us while somebody looks at a form."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody did something, and so where they are answered.

    `trigger` lets a form be opened; it lives for three seconds.
    """

    user: str
    channel: str = ""
    thread: str = ""
    trigger: str = ""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts, and what is done with more than one of them."""

    service: Service
    reading: Reading
    policies: PolicySource
    people: People
    workspace: Workspace
    client: AsyncWebClient
    words: Words
    now: Callable[[], datetime] = _utc_now
    tasks: Tasks = field(default_factory=Tasks)

    @property
    def policy(self) -> Policy:
        return self.policies.current

    async def deciders(self, name: str, requester: str) -> Markup:
        """Those who decide on a resource, as markup; in the policy's words when Slack is slow."""
        resource = self.policy.resources.get(name)
        approvers = resource.approvers if resource is not None else ()
        try:
            async with asyncio.timeout(QUICK):
                called = Callings(self.people, self.people.group_of)
                return await called.mentions(approvers, requester=requester)
        except TimeoutError:
            return escaped(", ".join(str(one) for one in approvers))

    async def require_own(self, team: str) -> None:
        """Whoever comes from another workspace is refused before anything is looked up.

        An empty `team` says nothing; then the directory decides. Raises `RefusalError`.
        """
        own = await self.workspace.identity()
        if team and team != own.team_id:
            raise self.refusal("stranger")

    def refusal(self, code: str, **facts: object) -> RefusalError:
        """A refusal of our own, with the words of `templates/answer/trouble.j2`."""
        say = self.words.plain
        hint = say("answer/trouble", f"{code}_hint", **facts)
        return RefusalError(code, say("answer/trouble", code, **facts), hint=hint)

    # --- the edge -----------------------------------------------------------------------------

    def explain(self, error: Exception) -> Trouble:
        """What to tell the person. What nobody foresaw is logged under a reference."""
        if isinstance(error, RefusalError):
            return trouble_of(error, self.people.spoken)
        if isinstance(error, DirectoryError):
            return trouble_of(self.refusal("slack_away"), self.people.spoken)
        if isinstance(error, StorageError):
            code = "unclear" if isinstance(error, OutcomeUnknownError) else "away"
            log.warning("database did not do it", error=error.message)
            return trouble_of(self.refusal(code), self.people.spoken)
        ref = secrets.token_hex(3)
        log.error("listener failed", ref=ref, exc_info=error)
        return trouble_of(self.refusal("bug", ref=ref), self.people.spoken)

    def private(self, trouble: Trouble) -> dict[str, object]:
        """`text` and `blocks` of a message that only one person sees."""
        to_paste = self.words.plain("answer/trouble", "to_paste")
        said = private(trouble, self.policy.resources, to_paste=to_paste)
        return {"text": said.text, "blocks": list(said.blocks)}

    async def tell(self, place: Place, trouble: Trouble) -> None:
        """Tell one person, where they acted; by a small form where no channel is."""
        if place.channel and await self._whisper(place, trouble):
            return
        if place.trigger:
            view = notice_form(self.words, trouble.message, trouble.hint)
            try:
                await self.client.views_open(trigger_id=place.trigger, view=view)
            except WIRE_ERRORS as error:
                log.warning("a refusal could not be told", error=error_code(error))

    async def _whisper(self, place: Place, trouble: Trouble) -> bool:
        said = self.private(trouble)
        try:
            await self.client.chat_postEphemeral(
                channel=place.channel,
                user=place.user,
                text=str(said["text"]),
                blocks=said["blocks"],  # type: ignore[arg-type] # as `private` makes them
                thread_ts=place.thread or None,
            )
        except WIRE_ERRORS as error:
            log.info("nothing can be said in that channel", error=error_code(error))
            return False
        return True

    # --- forms --------------------------------------------------------------------------------

    async def open(self, place: Place, view: Awaitable[View]) -> None:
        """Open a form; something to look at first when it takes long to make.

        Raises `RefusalError` when Slack did not open it, and what making it raises.
        """
        making = asyncio.ensure_future(view)
        await asyncio.wait({making}, timeout=QUICK)
        if making.done():
            await self.show(place, making.result())
            return
        view_id = await self.show(place, moment_form(self.words))
        self.tasks.start(self.fill(view_id, making), "fill a form")

    async def show(self, place: Place, view: View) -> str:
        """Open a form that is ready; its id."""
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                opened = await self.client.views_open(trigger_id=place.trigger, view=view)
        except WIRE_ERRORS as error:
            log.warning("form not opened", error=error_code(error))
            raise self.refusal("form_late") from None
        return str(opened["view"]["id"])

    async def fill(self, view_id: str, making: Awaitable[View], *, ticket: str = "") -> None:
        """Put a form, or why there is none, where "one moment" stands.

        `ticket` is the external id that an ack under way gives the view: until Slack knows it the
        ack has not come, and would hide what is put there.
        """
        try:
            view = await making
        except Exception as error:  # noqa: BLE001 - an edge: somebody looks at "one moment"
            trouble = self.explain(error)
            view = notice_form(self.words, trouble.message, trouble.hint)
        if not (ticket and await self._at_ticket(ticket, view)):
            await self.replace(view_id, view)

    async def _at_ticket(self, ticket: str, view: View) -> bool:
        """Whether it was put there; if not, it may be by the view's own id."""
        for wait in ACK_ARRIVES:
            try:
                await self.client.views_update(external_id=ticket, view=view)
            except WIRE_ERRORS as error:
                if error_code(error) != "not_found":
                    return False
                await asyncio.sleep(wait)
            else:
                return True
        return False

    async def replace(self, view_id: str, view: View) -> bool:
        """Put something else into an open form. False when nobody looks at it any more."""
        for is_last in (False, True):
            try:
                await self.client.views_update(view_id=view_id, view=view)
            except WIRE_ERRORS as error:
                wait = _wait_for(error)
                if is_last or wait is None:
                    log.info("form not filled", error=error_code(error))
                    return False
                await asyncio.sleep(wait)
            else:
                break
        return True


def _wait_for(error: Exception) -> float | None:
    """Seconds after which the same may work; None when it will not, or takes too long."""
    code = error_code(error)
    if code in {"ratelimited", "rate_limited", "http_429"}:
        wait = retry_after(error) or 1.0
        return wait if wait <= AGAIN_AFTER else None
    return 0.5 if code in {"timeout", "network"} or code.startswith("http_5") else None
