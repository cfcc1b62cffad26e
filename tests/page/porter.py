"""A small app that shows the page everything it has to draw: a real Bolt app on Socket Mode."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.manifest import EXAMPLE, Manifest, parse_manifest
from sandbox.seed import APPROVALS, DBA

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sandbox.server import SandboxServer

Json = dict[str, Any]
SHORTEST = 5
USAGE = "[resource] [duration] [reason] | list | mine | who [resource] | help"


def manifest() -> Manifest:
    """The sandbox's example with a usage hint of several forms."""
    document = copy.deepcopy(EXAMPLE)
    command: Json = document["features"]["slash_commands"][0]  # type: ignore[index] # plain JSON
    command["usage_hint"] = USAGE
    return parse_manifest(document)


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def button(text: str, action: str, **more: object) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action, "value": "g1", **more}


def section(text: Json, **more: object) -> Json:
    return {"type": "section", "text": text, **more}


def question() -> Json:
    """The confirm dialog of Revoke now."""
    return {
        "title": plain("Revoke access now?"),
        "text": plain("The access of Dana to prod-db ends at once."),
        "confirm": plain("Revoke now"),
        "deny": plain("Keep it"),
        "style": "danger",
    }


def pending(reason: str) -> list[Json]:
    """A card that waits."""
    buttons = [
        button("Approve", "approve", style="primary"),
        button("Deny", "deny"),
        button("Hold", "hold"),
    ]
    return [
        {"type": "header", "text": plain("Access to prod-db")},
        section(plain(reason)),
        {"type": "context", "elements": [mrkdwn(f"Waiting for <!subteam^{DBA}>")]},
        {"type": "actions", "block_id": "decide", "elements": buttons},
    ]


def active(end: float) -> list[Json]:
    """A card of a grant that runs until then."""
    until = f"*Granted* until <!date^{int(end)}^{{time}}|soon>"
    revoke = button("Revoke now", "revoke", style="danger", confirm=question())
    return [section(mrkdwn(until)), {"type": "actions", "block_id": "act", "elements": [revoke]}]


def reason_form() -> Json:
    """A form with one field of each kind that a request could need."""
    options = [{"text": plain(name), "value": name} for name in ("prod-db", "prod-db-write")]
    fields: list[tuple[str, str, Json]] = [
        ("resource", "Resource", {"type": "static_select", "options": options}),
        ("reason", "Reason", {"type": "plain_text_input", "multiline": True}),
        ("day", "Starts on", {"type": "datepicker"}),
        ("moment", "Starts at", {"type": "datetimepicker"}),
        ("kind", "Kind", {"type": "radio_buttons", "options": options}),
        ("who", "Together with", {"type": "multi_users_select"}),
        ("also", "Also", {"type": "checkboxes", "options": options}),
    ]
    blocks = [
        {
            "type": "input",
            "block_id": block,
            "label": plain(label),
            "optional": block in {"day", "moment", "kind", "who", "also"},
            "element": {**element, "action_id": "it"},
        }
        for block, label, element in fields
    ]
    blocks.append({"type": "actions", "elements": [button("Look closer", "closer")]})
    return {
        "type": "modal",
        "callback_id": "reason",
        "title": plain("Say more"),
        "submit": plain("Send"),
        "blocks": blocks,
    }


class Porter:
    """The app. `pressed` and `submitted` hold what arrived; `gate` keeps Hold from answering."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._sandbox = sandbox
        self.client = AsyncWebClient(sandbox.bot_token, base_url=sandbox.api_url)
        app = AsyncApp(client=self.client)
        self._socket = AsyncSocketModeHandler(app, sandbox.app_token)
        self.gate = asyncio.Event()
        self.pressed: list[str] = []
        self.submitted: list[Json] = []
        app.command("/access")(self._asked)
        for action in ("approve", "deny", "hold", "revoke", "closer"):
            app.action(action)(getattr(self, f"_{action}"))
        app.view("reason")(self._sent)
        app.event("app_home_opened")(self._home)
        app.event("message")(self._heard)

    async def start(self) -> None:
        await self._socket.connect_async()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
        await self._sandbox.connected()

    async def stop(self) -> None:
        self.gate.set()
        await self._socket.close_async()  # type: ignore[no-untyped-call] # as above

    async def post(self, blocks: list[Json], *, channel: str = APPROVALS) -> str:
        """A message of the app; its timestamp."""
        answer = await self.client.chat_postMessage(channel=channel, text="card", blocks=blocks)
        return str(answer["ts"])

    async def _asked(self, ack: AsyncAck, command: Json) -> None:
        if command["text"] == "form":
            await self.client.views_open(trigger_id=command["trigger_id"], view=reason_form())
            await ack()
            return
        await self.post(pending(command["text"]))
        await ack(f"Asked, waiting for <!subteam^{DBA}>.")

    async def _approve(self, ack: AsyncAck, body: Json) -> None:
        self.pressed.append("approve")
        await ack()
        end = self._sandbox.workspace.clock.now() + 1800
        await self._edit(body, active(end))
        await self.client.chat_postMessage(
            channel=APPROVALS, thread_ts=body["message"]["ts"], text="Approved."
        )

    async def _edit(self, body: Json, blocks: list[Json]) -> None:
        await self.client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="card", blocks=blocks
        )

    async def _deny(self, ack: AsyncAck, body: Json) -> None:
        await self.client.views_open(trigger_id=body["trigger_id"], view=reason_form())
        await ack()

    async def _hold(self, ack: AsyncAck) -> None:
        self.pressed.append("hold")
        await self.gate.wait()
        await ack()

    async def _revoke(self, ack: AsyncAck, body: Json) -> None:
        self.pressed.append("revoke")
        await ack()
        await self._edit(body, [section(plain("Ended"))])

    async def _closer(self, ack: AsyncAck, body: Json) -> None:
        view = {"type": "modal", "title": plain("Closer"), "blocks": [section(plain("Near"))]}
        await self.client.views_push(trigger_id=body["trigger_id"], view=view)
        await ack()

    async def _sent(self, ack: AsyncAck, view: Json) -> None:
        values = view["state"]["values"]
        if len(values["reason"]["it"]["value"]) < SHORTEST:
            await ack(
                response_action="errors", errors={"reason": "Say it in 5 characters or more."}
            )
            return
        self.submitted.append(values)
        await ack()

    async def _home(self, event: Json) -> None:
        if event["tab"] == "home":
            view = {"type": "home", "blocks": [{"type": "header", "text": plain("What I have")}]}
            await self.client.views_publish(user_id=event["user"], view=view)

    async def _heard(self) -> None:
        """Nothing to say to messages; unheard ones would be sent again."""
