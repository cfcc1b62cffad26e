"""The messages of a workspace, in the order of their timestamps, and who sees which.

Ephemeral messages are kept apart: only their person sees them, no method of the Web API finds
them, and they cannot be edited but through a response URL.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sandbox.wire import fresh_block_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.records import Message
    from sandbox.wire import Json
    from sandbox.workspace import Workspace


class Timeline:
    """What was said. Text in a channel is seen by its members, in wire form."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._said: dict[str, dict[str, Message]] = {}
        self._ephemeral: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], list[Message]] = {}
        self._last_micros = 0

    def clear(self) -> None:
        """Forget everything."""
        self._said.clear()
        self._ephemeral.clear()
        self._replies.clear()

    def next_ts(self) -> str:
        """A timestamp of Slack's form, later than all before."""
        micros = max(int(self._workspace.clock.now() * 1_000_000), self._last_micros + 1)
        self._last_micros = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    # --- saying -------------------------------------------------------------------------------

    def add(self, message: Message) -> Message:
        """Post; an ephemeral one when the message says for whom."""
        message.blocks = with_ids(message.blocks)
        shelf = self._ephemeral if message.ephemeral_to else self._said
        shelf.setdefault(message.channel, {})[message.ts] = message
        if message.thread_ts and not message.ephemeral_to:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message)
        self._tell("ephemeral" if message.ephemeral_to else "message", message)
        if message.thread_ts and (parent := self.find(message.channel, message.thread_ts)):
            self._tell("message_changed", parent)
        return message

    def change(
        self, message: Message, *, text: str, blocks: list[Json], metadata: Json | None
    ) -> None:
        """Replace what a message says; the former form stays among its versions."""
        message.versions.append(message.wire(with_metadata=True))
        message.text = text
        message.blocks = with_ids(blocks)
        message.metadata = metadata
        self._tell("message_changed", message)

    def remove(self, message: Message) -> None:
        """Delete a message, ephemeral or not."""
        shelf = self._ephemeral if message.ephemeral_to else self._said
        del shelf[message.channel][message.ts]
        if message.thread_ts and not message.ephemeral_to:
            self._replies[message.channel, message.thread_ts].remove(message)
        body: Json = {"channel": message.channel, "ts": message.ts}
        body |= {"thread_ts": message.thread_ts, "ephemeral": message.ephemeral_to is not None}
        self._workspace.feed.publish("message_deleted", body, self._audience(message))

    def touch(self, message: Message) -> None:
        """Tell the people of the channel that something on the message is new (a reaction)."""
        self._tell("message_changed", message)

    # --- reading ------------------------------------------------------------------------------

    def find(self, channel: str, ts: str) -> Message | None:
        """The message of that timestamp, None for an unknown or an ephemeral one."""
        return self._said.get(channel, {}).get(ts)

    def find_for(self, user: str, channel: str, ts: str) -> Message | None:
        """The same, ephemeral ones of this person included."""
        whispered = self._ephemeral.get(channel, {}).get(ts)
        if whispered and whispered.ephemeral_to == user:
            return whispered
        return self.find(channel, ts)

    def all(self, channel: str) -> list[Message]:
        """Everything said in the channel, oldest first, ephemeral ones left out."""
        return list(self._said.get(channel, {}).values())

    def top_level(self, channel: str) -> Iterator[Message]:
        """What stands in the channel itself: no replies but those sent to the channel too."""
        for message in self._said.get(channel, {}).values():
            if message.thread_ts in (None, message.ts) or message.is_broadcast:
                yield message

    def thread(self, channel: str, thread_ts: str) -> list[Message]:
        """The parent and its replies, oldest first; empty when there is no such parent."""
        parent = self.find(channel, thread_ts)
        if parent is None:
            return []
        return [parent, *self._replies.get((channel, thread_ts), [])]

    def wire(self, message: Message, *, with_metadata: bool = False) -> Json:
        """The wire form with what a parent knows of its thread."""
        return message.wire(with_metadata=with_metadata) | self._thread_facts(message)

    def seen_by(
        self, user: str, channel: str, *, thread_ts: str | None = None, before: str | None = None
    ) -> list[Json]:
        """What this person sees in the channel or in one thread, oldest first."""
        shown = self.thread(channel, thread_ts) if thread_ts else list(self.top_level(channel))
        whispers = [
            message
            for message in self._ephemeral.get(channel, {}).values()
            if message.ephemeral_to == user and message.thread_ts == thread_ts
        ]
        merged = sorted([*shown, *whispers], key=lambda message: message.ts)
        if before:
            merged = merged[: bisect_right(merged, before, key=lambda m: m.ts)]
            merged = [message for message in merged if message.ts != before]
        return [self.for_page(message) for message in merged]

    def for_page(self, message: Message) -> Json:
        """The form for the page and the test driver."""
        return message.for_page() | self._thread_facts(message)

    def _thread_facts(self, message: Message) -> Json:
        if message.ephemeral_to or message.thread_ts not in (None, message.ts):
            return {}
        replies = self.thread(message.channel, message.ts)[1:]
        if not replies:
            return {}
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": sorted({reply.user for reply in replies}),
            "latest_reply": replies[-1].ts,
        }

    def _audience(self, message: Message) -> list[str]:
        if message.ephemeral_to:
            return [message.ephemeral_to]
        return list(self._workspace.channels[message.channel].members)

    def _tell(self, kind: str, message: Message) -> None:
        body = self.for_page(message)
        audience = self._audience(message)
        self._workspace.feed.publish(kind, body, audience)
        if kind == "message":
            self._workspace.feed.publish("inbox", {"channel": message.channel}, audience)


def with_ids(blocks: list[Json]) -> list[Json]:
    """Copies of the blocks in which Slack's generated ids fill the gaps."""
    filled = []
    for block in blocks:
        copy = {**block}
        copy.setdefault("block_id", fresh_block_id())
        if isinstance(copy.get("elements"), list) and copy.get("type") == "actions":
            copy["elements"] = [_with_action_id(element) for element in copy["elements"]]
        for key in ("accessory", "element"):
            if isinstance(copy.get(key), dict):
                copy[key] = _with_action_id(copy[key])
        filled.append(copy)
    return filled


def _with_action_id(element: Json) -> Json:
    if element.get("type") == "image":
        return element
    return {**element, "action_id": element.get("action_id") or fresh_block_id()}
