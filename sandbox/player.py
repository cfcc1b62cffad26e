"""One person at the sandbox, for tests that read like stories.

    dana, maya = sandbox.person(DANA), sandbox.person(MAYA)
    await dana.command("/access prod-db 30m fix a stuck order")
    await maya.click("Approve", message=await maya.waits_for("asks for prod-db"))

Messages and views are the plain dictionaries of the wire.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.clicks import options
from sandbox.inputs import VALUE_KEYS, elements
from sandbox.wire import Json, RefusedActError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.server import SandboxServer

Filled = str | int | bool | None | list[str]


class Player:
    """The hands and eyes of one person."""

    def __init__(self, sandbox: SandboxServer, user_id: str) -> None:
        self.id = user_id
        self._sandbox = sandbox
        self._workspace = sandbox.workspace
        self._acts = sandbox.acts

    # --- doing --------------------------------------------------------------------------------

    async def command(self, line: str, *, channel: str | None = None) -> Json:
        """Type a slash command, in the conversation with the app unless a channel is named."""
        return await self._acts.command(self.id, self._place(channel), line)

    async def say(
        self, text: str, *, channel: str | None = None, thread: str | None = None
    ) -> Json:
        """Write a message."""
        return await self._acts.message(self.id, self._place(channel), text, thread_ts=thread)

    async def click(
        self,
        what: str,
        *,
        message: Json | None = None,
        view: Json | None = None,
        option: str | None = None,
    ) -> Json:
        """Use the element with this label or action id.

        Without a message or view: in the topmost form, else in the newest message that has it. A
        message that changed since it was read is clicked as it was then. `option` is the value or
        label of what to choose.
        """
        place = view if view is not None else message or self._place_of(what)
        block, element = _element(place, what)
        choice: Json = {"block_id": block["block_id"], "action_id": element["action_id"]}
        if option is not None:
            choice["value"] = _option_value(element, option)
        if "ts" not in place:
            return await self._acts.click_view(self.id, place["id"], choice)
        ts, channel = place["ts"], place["channel"]
        return await self._acts.click_message(self.id, channel, ts, choice, stale=True)

    async def submit(self, values: Mapping[str, Filled] | None = None) -> Json:
        """Fill the topmost form by labels, block ids or action ids, and send it off."""
        view = self.modal
        if view is None:
            raise RefusedActError("no_form", "There is no open form.")
        typed: Json = {}
        for name, value in (values or {}).items():
            block, element = _field(view, name)
            key = VALUE_KEYS[element["type"]][0]
            filled = {"type": element["type"], key: _typed(element, key, value)}
            typed.setdefault(block["block_id"], {})[element["action_id"]] = filled
        return await self._acts.submit(self.id, view["id"], typed)

    async def close(self) -> Json:
        """Close the topmost form."""
        view = self.modal
        if view is None:
            raise RefusedActError("no_form", "There is no open form.")
        return await self._acts.close(self.id, view["id"])

    async def open_home(self) -> Json:
        """Open the app's Home tab; what is published in answer arrives later."""
        return await self._acts.home(self.id)

    # --- seeing -------------------------------------------------------------------------------

    def sees(self, channel: str | None = None, *, thread: str | None = None) -> list[Json]:
        """The messages of a channel (by id or name) or thread as this person sees them."""
        return self._workspace.timeline.seen_by(self.id, self._place(channel), thread_ts=thread)

    def dms(self) -> list[Json]:
        """The conversation with the app, its threads left out."""
        return self.sees()

    def everything(self) -> list[Json]:
        """All messages that this person can see anywhere, oldest first, threads left out."""
        channels = self._workspace.channels_of(self.id)
        seen = [message for channel in channels for message in self.sees(channel.id)]
        return sorted(seen, key=lambda message: str(message["ts"]))

    @property
    def modal(self) -> Json | None:
        """The topmost form."""
        stack = self._workspace.views.stack(self.id)
        return self._sandbox.installation.view(stack[-1]) if stack else None

    @property
    def home(self) -> Json | None:
        """The Home tab."""
        view = self._workspace.views.home(self.id)
        return self._sandbox.installation.view(view) if view else None

    async def waits_for(
        self, text: str, *, channel: str | None = None, within: float = 5.0
    ) -> Json:
        """The newest message with this text, as soon as there is one; anywhere unless named."""

        def found() -> list[Json]:
            seen = self.everything() if channel is None else self.sees(channel)
            return [message for message in seen if text in text_of(message)]

        await self._sandbox.until(found, within=within)
        return found()[-1]

    async def waits_for_modal(self, text: str = "", *, within: float = 5.0) -> Json:
        """The topmost form, as soon as it holds this text."""
        await self._sandbox.until(
            lambda: self.modal is not None and text in text_of(self.modal), within=within
        )
        return self.modal or {}

    def _place(self, channel: str | None) -> str:
        if channel is None:
            return self._workspace.dm_with(self.id).id
        name = channel.removeprefix("#")
        named = (c.id for c in self._workspace.channels.values() if c.name == name)
        return channel if channel in self._workspace.channels else next(named, channel)

    def _place_of(self, what: str) -> Json:
        places = [self.modal, *reversed(self.everything()), self.home]
        for place in places:
            if place is not None and _has(place, what):
                return place
        raise RefusedActError("no_such_action", f"Nothing here is called {what}.")


def text_of(thing: object) -> str:
    """All the words of a message or view, one piece a line, as a reader finds them."""
    if isinstance(thing, dict):
        words = [thing[key] for key in ("text", "alt_text") if isinstance(thing.get(key), str)]
        inner = [v for k, v in thing.items() if isinstance(v, dict | list) and k not in _UNREAD]
        return "\n".join([*words, *(text_of(part) for part in inner)]).strip()
    if isinstance(thing, list):
        return "\n".join(text_of(part) for part in thing).strip()
    return ""


_UNREAD = ("metadata", "state", "bot_profile", "confirm")


def buttons_of(thing: Json) -> list[str]:
    """The labels of the buttons of a message or view."""
    found = elements(thing.get("blocks", []))
    return [element["text"]["text"] for _, element in found if element["type"] == "button"]


def _has(place: Json, what: str) -> bool:
    return any(_is_called(element, what) for _, element in elements(place.get("blocks", [])))


def _is_called(element: Json, what: str) -> bool:
    label = element["text"]["text"] if element["type"] == "button" else None
    return what in (label, element.get("action_id"))


def _element(place: Json, what: str) -> tuple[Json, Json]:
    for block, element in elements(place.get("blocks", [])):
        if _is_called(element, what):
            return block, element
    shown = json.dumps(buttons_of(place), ensure_ascii=False)
    raise RefusedActError("no_such_action", f"Nothing here is called {what}; there is {shown}.")


def _field(view: Json, name: str) -> tuple[Json, Json]:
    for block, element in elements(view["blocks"]):
        label = block.get("label", {}).get("text")
        if name in (label, block["block_id"], element.get("action_id")):
            return block, element
    raise RefusedActError("no_such_field", f"The form has no field {name}.")


def _typed(element: Json, key: str, value: Filled) -> object:
    if key == "selected_option":
        return None if value is None else _option(element, str(value))
    if key == "selected_options":
        picked: Sequence[object] = value if isinstance(value, list) else [value]
        return [_option(element, str(one)) for one in picked]
    return str(value) if key == "value" and value is not None else value


def _option(element: Json, wanted: str) -> Json:
    for option in options(element):
        if wanted in (option["value"], option["text"]["text"]):
            return option
    raise RefusedActError("no_such_option", f"{wanted} is not offered.")


def _option_value(element: Json, wanted: str) -> str:
    has_options = "options" in element or "option_groups" in element
    return str(_option(element, wanted)["value"]) if has_options else wanted
