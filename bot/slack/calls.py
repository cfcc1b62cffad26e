"""Messages to Slack: posted, edited and looked for, each in its turn, each failure with a verdict.

Nothing is sent twice from here. What became of a message whose answer was lost is for the outbox
to remember (`unsure`), and for `find` to look up by the metadata that every message carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import CurfewError
from bot.engine.ports import Meter, PostLaterError, PostRefusedError
from bot.slack.client import WIRE_ERRORS, error_code
from bot.slack.message import Message
from bot.slack.pace import Pace
from bot.slack.text import USER
from bot.slack.verdicts import STALE, TOKEN, retry_after, verdict

EVENT_TYPE: Final = "curfew_notice"
SKEW: Final = timedelta(minutes=2)
"""Slack's clock and ours may differ by so much."""
PAGE: Final = 200
PAGES: Final = 5
APP: Final = "app"
"""The key of a trouble that concerns every message."""


class StaleMessageError(CurfewError):
    """The message cannot be edited any more: it is gone, or no longer ours to edit."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: a channel, or a person's id for their own conversation.

    `paced` names the queue that it waits in; `thread` is the message that it answers.
    """

    channel: str
    thread: str | None = None
    queue: str | None = None

    @property
    def paced(self) -> str:
        return self.queue or self.channel


@dataclass(frozen=True, slots=True)
class Label:
    """What a message carries unseen, so that it can be found again."""

    notice: int
    role: str
    grant: str | None = None

    @property
    def metadata(self) -> dict[str, object]:
        payload: dict[str, object] = {"notice_id": self.notice, "role": self.role}
        if self.grant is not None:
            payload["grant"] = self.grant
        return {"event_type": EVENT_TYPE, "event_payload": payload}

    def fits(self, payload: Mapping[str, object], *, is_card: bool) -> bool:
        """A card is found by its grant, a line or a direct message by its notice.

        By its role too: the card that a line brought with it carries the same notice.
        """
        if payload.get("role") != self.role:
            return False
        if is_card:
            return payload.get("grant") == self.grant
        return payload.get("notice_id") == self.notice


class Calls:
    """The few methods of the Web API that telling people needs."""

    def __init__(self, client: AsyncWebClient, meter: Meter, pace: Pace | None = None) -> None:
        """`client` re-sends nothing by itself (see `bot.slack.client`)."""
        self._client = client
        self._meter = meter
        self._pace = pace or Pace()
        self._me: str | None = None
        self.troubles: dict[str, str] = {}
        """What keeps messages from being told, by channel id or `app`; gone with the next one."""

    async def post(self, place: Place, message: Message, label: Label) -> tuple[str, str]:
        """Post it; the channel's id and the message's ts. Raises the outbox's errors."""
        await self._pace.turn(place.paced)
        try:
            answer = await self._client.chat_postMessage(
                channel=place.channel,
                text=message.text,
                blocks=list(message.blocks),
                thread_ts=place.thread,
                metadata=label.metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
            stood = str(answer["channel"]), str(answer["ts"])
        except WIRE_ERRORS as error:
            raise self._failed("chat.postMessage", place, error) from None
        self._worked(place)
        return stood

    async def edit(self, place: Place, ts: str, message: Message) -> None:
        """Show this in its place. Raises `StaleMessageError`, and the outbox's errors."""
        await self._pace.turn(place.paced)
        try:
            await self._client.chat_update(
                channel=place.channel, ts=ts, text=message.text, blocks=list(message.blocks)
            )
        except WIRE_ERRORS as error:
            if error_code(error) in STALE:
                raise StaleMessageError(error_code(error)) from None
            raise self._failed("chat.update", place, error, is_edit=True) from None
        self._worked(place)

    async def find(
        self, place: Place, label: Label, since: datetime, *, is_card: bool
    ) -> str | None:
        """The ts of a message of ours with that label, posted since then; None if there is none.

        None too where the app may not read the channel: then a line may double after a crash.
        Raises `PostLaterError` while Slack cannot say.
        """
        cursor = ""
        for _ in range(PAGES):
            try:
                me = await self._whoami()
                page = await self._page(place, since - SKEW, cursor)
            except WIRE_ERRORS as error:
                said = verdict(error, is_edit=True)
                self._meter.count_slack_error("conversations.history", error_code(error))
                if isinstance(said, PostLaterError) and error_code(error) != "missing_scope":
                    raise PostLaterError(str(said), retry_after=said.retry_after) from None
                return None
            for posted in page.get("messages") or []:
                if posted.get("user") == me and label.fits(_payload(posted), is_card=is_card):
                    return str(posted["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None
        return None

    async def _page(self, place: Place, oldest: datetime, cursor: str) -> AsyncSlackResponse:
        start = f"{oldest.timestamp():.6f}"
        if place.thread is not None:
            return await self._client.conversations_replies(
                channel=place.channel,
                ts=place.thread,
                oldest=start,
                include_all_metadata=True,
                limit=PAGE,
                cursor=cursor or None,
            )
        return await self._client.conversations_history(
            channel=place.channel,
            oldest=start,
            include_all_metadata=True,
            limit=PAGE,
            cursor=cursor or None,
        )

    async def _whoami(self) -> str:
        """Metadata can be written by any app: only our own messages are adopted."""
        if self._me is None:
            self._me = str((await self._client.auth_test())["user_id"])
        return self._me

    def _failed(
        self, method: str, place: Place, error: Exception, *, is_edit: bool = False
    ) -> PostLaterError | PostRefusedError:
        code = error_code(error)
        self._meter.count_slack_error(method, code)
        said = verdict(error, is_edit=is_edit)
        wait = retry_after(error)
        if wait is not None:
            self._pace.hold(place.paced, wait)
        if code in TOKEN:
            self.troubles[APP] = _spoken(error, code)
        elif isinstance(said, PostRefusedError) and not USER.fullmatch(place.paced):
            self.troubles[place.channel] = f"Messages cannot be posted in {place.channel}: {code}."
        return said

    def _worked(self, place: Place) -> None:
        self.troubles.pop(APP, None)
        self.troubles.pop(place.channel, None)


def _payload(posted: Mapping[str, object]) -> Mapping[str, object]:
    metadata = posted.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return {}
    payload = metadata.get("event_payload")
    return payload if isinstance(payload, dict) else {}


def _spoken(error: Exception, code: str) -> str:
    """One sentence for whoever mends it; `missing_scope` names the scope."""
    said = error.response if isinstance(error, SlackApiError) else None
    needed = said.get("needed") if isinstance(said, AsyncSlackResponse) else None
    return f"Slack refuses the app: {code}{f' (needs {needed})' if needed else ''}."
