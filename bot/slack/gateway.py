"""What comes from Slack, by whichever road: Bolt finds the listener, the listener answers.

`process_before_response`: a listener checks, makes one call of the engine and acks with its
answer; whatever is said besides is said by tasks of our own. Nothing raises towards Slack or a
person: an error that nobody foresaw is a sentence with a reference that stands in the log.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import ValidationError
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.clicks import Clicks, place_of
from bot.slack.client import quiet_logger
from bot.slack.commands import Commands
from bot.slack.forms import notice_form
from bot.slack.payloads import Opened, Press, Submission, Typed
from bot.slack.submissions import Submissions, errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_bolt.context.async_context import AsyncBoltContext

    from bot.slack.desk import Desk
    from bot.slack.workspace import Workspace

log = structlog.get_logger("curfew.slack")

COMMAND: Final = "/access"
ANYTHING: Final = re.compile(r"", re.DOTALL)
OK: Final = 200
UNREADABLE: Final = 400
UNHEARD: Final = 404
"""Bolt's word for what no listener wants. Acknowledged: unheard of, Slack would send it again."""

STOP_WITHIN: Final = 3.0

Payload = dict[str, Any]
"""As Bolt hands it over; read by `bot.slack.payloads` before anything else."""


class Gateway:
    """One for the process. `dispatch` is the way in for both transports."""

    def __init__(
        self,
        desk: Desk,
        *,
        opened_home: Callable[[str], Awaitable[None]],
        observe_ack: Callable[[str, float], None],
    ) -> None:
        """`opened_home` shows a person their Home tab; `observe_ack` takes a kind and seconds."""
        self._desk = desk
        self._commands = Commands(desk)
        self._clicks = Clicks(desk)
        self._submissions = Submissions(desk)
        self._opened_home = opened_home
        self._observe_ack = observe_ack
        self._app = self._wired()

    async def dispatch(self, body: Payload, *, headers: Mapping[str, str]) -> BoltResponse:
        """The ack. Status 400 for what no listener can read; never an exception."""
        began = time.perf_counter()
        try:
            # The same for both transports: over HTTP the signature was checked by our endpoint.
            request = AsyncBoltRequest(body=body, headers=dict(headers), mode="socket_mode")
            said = await self._app.async_dispatch(request)
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            # Bolt looks into a payload before anybody could have checked it.
            log.warning("payload not understood", error=type(error).__name__)
            said = BoltResponse(status=UNREADABLE)
        self._observe_ack(_kind(body), time.perf_counter() - began)
        return BoltResponse(status=OK) if said.status == UNHEARD else _readable(said)

    async def stop(self) -> None:
        """Let what is being said be said."""
        await self._desk.tasks.close(STOP_WITHIN)

    def _wired(self) -> AsyncApp:
        client = self._desk.client
        app = AsyncApp(
            name="curfew",
            process_before_response=True,
            # Never called: our listeners use the desk's. Bolt copies it for each request.
            client=AsyncWebClient(base_url=client.base_url, retry_handlers=[]),
            authorize=_authorized(self._desk.workspace),
            signing_secret="",
            # The endpoint has checked the signature, and answers no one who has none.
            request_verification_enabled=False,
            ssl_check_enabled=False,
            attaching_function_token_enabled=False,
            logger=quiet_logger("bolt"),
        )
        app.command(COMMAND)(self._on_command)
        app.action(ANYTHING)(self._on_press)
        app.view_submission(ANYTHING)(self._on_submission)
        app.event("app_home_opened")(self._on_home_opened)
        # Acknowledged here, so that Bolt does not warn of each.
        app.view_closed(ANYTHING)(_hear)
        app.event(ANYTHING)(_hear)
        app.command(ANYTHING)(_hear)
        app.shortcut(ANYTHING)(_hear)
        app.options(ANYTHING)(_hear)
        return app

    # --- listeners ----------------------------------------------------------------------------

    async def _on_command(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        try:
            typed = Typed.model_validate(body)
        except ValidationError:
            return BoltResponse(status=UNREADABLE)
        try:
            said = await self._commands.run(typed)
        except Exception as error:  # noqa: BLE001 - the edge towards a person
            return await ack(_ephemeral(self._desk.private(self._desk.explain(error))))
        if said is None:
            return await ack()
        return await ack(_ephemeral({"text": said.text, "blocks": list(said.blocks)}))

    async def _on_press(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        try:
            press = Press.model_validate(body)
        except ValidationError:
            return BoltResponse(status=UNREADABLE)
        try:
            await self._clicks.run(press)
        except Exception as error:  # noqa: BLE001 - the edge towards a person
            trouble = self._desk.explain(error)
            self._desk.tasks.start(self._desk.tell(place_of(press), trouble), "tell a refusal")
        return await ack()

    async def _on_submission(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        try:
            sent = Submission.model_validate(body)
        except ValidationError:
            return BoltResponse(status=UNREADABLE)
        try:
            return await ack(dict(await self._submissions.run(sent)) or "")
        except Exception as error:  # noqa: BLE001 - the edge towards a person
            trouble = self._desk.explain(error)
            beside = errors(sent, trouble)
            if beside is not None:
                return await ack(dict(beside))
            view = notice_form(self._desk.words, trouble.message, trouble.hint)
            return await ack(response_action="update", view=view)

    async def _on_home_opened(self, event: Payload) -> None:
        try:
            opened = Opened.model_validate(event)
        except ValidationError:
            return
        if opened.tab == "home":
            self._desk.tasks.start(self._show_home(opened.user), "show a Home tab")

    async def _show_home(self, user: str) -> None:
        await self._opened_home(user)


def _authorized(
    workspace: Workspace,
) -> Callable[[AsyncBoltContext], Awaitable[AuthorizeResult]]:
    """Without a call: who we are is known, and a token that went bad shows where it is used."""

    async def authorize(context: AsyncBoltContext) -> AuthorizeResult:
        known = workspace.known
        return AuthorizeResult(
            enterprise_id=context.enterprise_id,
            team_id=context.team_id,
            bot_user_id=known.user_id if known else None,
            bot_id=known.bot_id if known else None,
            bot_token="",
        )

    return authorize


def _readable(said: BoltResponse) -> BoltResponse:
    return said if said.status == OK else BoltResponse(status=UNREADABLE)


async def _hear(ack: AsyncAck) -> BoltResponse:
    return await ack()


def _ephemeral(said: Mapping[str, object]) -> dict[str, object]:
    return {"response_type": "ephemeral", **said}


def _kind(body: Mapping[str, object]) -> str:
    """What the ack was of, for the histogram: a short list, whatever is sent."""
    if "command" in body:
        return "command"
    kinds = {
        "block_actions": "click",
        "view_submission": "form",
        "view_closed": "form",
        "event_callback": "event",
    }
    return kinds.get(str(body.get("type")), "other")
