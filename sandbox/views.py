"""Modals and Home tabs, and the triggers that open them.

A trigger lives three seconds and opens one view. A stack holds at most three modals of one person.
`hash` changes with every update, so that a stale update can be told from a fresh one.
"""

from __future__ import annotations

import copy
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.inputs import merged
from sandbox.timeline import with_ids
from sandbox.wire import SlackError, fresh_id

if TYPE_CHECKING:
    from sandbox.wire import Json
    from sandbox.workspace import Workspace

TRIGGER_LIFE = 3.0
STACK_LIMIT = 3
TRIGGERS_KEPT = 10_000
"""Older ones are unknown rather than expired: a workspace may run for weeks."""


@dataclass(slots=True)
class Trigger:
    """The right to open one view for one person, soon. `view_id`: the modal it came from."""

    id: str
    user: str
    born: float
    view_id: str | None = None
    is_used: bool = False


@dataclass(slots=True)
class View:
    """One open modal or one published Home tab. `body` is what the app gave."""

    id: str
    user: str
    body: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    values: Json = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.body["blocks"]
        return blocks


class Views:
    """Every person's stack of modals and Home tab."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}
        self._triggers: dict[str, Trigger] = {}

    def clear(self) -> None:
        """Close everything, forget all triggers."""
        self._stacks.clear()
        self._homes.clear()
        self._triggers.clear()

    # --- triggers -----------------------------------------------------------------------------

    def new_trigger(self, user: str, view_id: str | None = None) -> str:
        """The id to send along with what this person just did."""
        now = self._workspace.clock.now()
        trigger_id = f"{int(now * 1000)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(trigger_id, user, now, view_id)
        if len(self._triggers) > TRIGGERS_KEPT:
            del self._triggers[next(iter(self._triggers))]
        return trigger_id

    def redeem(self, trigger_id: str) -> Trigger:
        """Use a trigger up; SlackError says why not."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.is_used:
            raise SlackError("exchanged_trigger_id")
        if self._workspace.clock.now() - trigger.born > TRIGGER_LIFE:
            raise SlackError("expired_trigger_id")
        trigger.is_used = True
        return trigger

    # --- modals -------------------------------------------------------------------------------

    def stack(self, user: str) -> list[View]:
        """This person's open modals, topmost last."""
        return list(self._stacks.get(user, []))

    def open(self, user: str, body: Json) -> View:
        """Open a modal; whatever was open for this person is gone."""
        self._refuse_double_external_id(body)
        self._stacks[user] = []
        return self._put(user, body)

    def push(self, user: str, body: Json) -> View:
        """Lay a modal on top of the open ones."""
        stack = self._stacks.get(user, [])
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= STACK_LIMIT:
            raise SlackError("push_limit_reached")
        self._refuse_double_external_id(body)
        return self._put(user, body)

    def _put(self, user: str, body: Json) -> View:
        stack = self._stacks.setdefault(user, [])
        view_id = fresh_id("V")
        root = stack[0].id if stack else view_id
        view = View(view_id, user, {}, "", root, stack[-1].id if stack else None)
        self._fill(view, body)
        stack.append(view)
        self._workspace.feed.publish("view_opened", {"view": self.wire(view)}, [user])
        return view

    def update(self, view: View, body: Json, *, expected_hash: str | None = None) -> View:
        """Replace what a view shows; what was typed stays in fields that keep their ids."""
        if expected_hash is not None and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        if body.get("external_id") != view.body.get("external_id"):
            self._refuse_double_external_id(body)
        self._fill(view, body)
        kind = "home" if view.body["type"] == "home" else "view_updated"
        self._workspace.feed.publish(kind, {"view": self.wire(view)}, [view.user])
        return view

    def close(self, user: str, *, everything: bool = False) -> list[View]:
        """Close the topmost modal or all of them; what was closed, topmost first."""
        stack = self._stacks.get(user, [])
        closed = [stack.pop() for _ in range(len(stack) if everything else min(1, len(stack)))]
        for view in closed:
            self._workspace.feed.publish("view_closed", {"view_id": view.id}, [user])
        return closed

    def find(self, *, view_id: str | None = None, external_id: str | None = None) -> View | None:
        """An open modal or a Home tab, by either id."""
        every = [view for stack in self._stacks.values() for view in stack]
        for view in [*every, *self._homes.values()]:
            if view_id is not None and view.id == view_id:
                return view
            if view_id is None and external_id and view.body.get("external_id") == external_id:
                return view
        return None

    def remember(self, view: View, values: Json) -> None:
        """Keep what this person has typed so far."""
        view.values = merged(view.blocks, view.values, values)

    # --- home ---------------------------------------------------------------------------------

    def home(self, user: str) -> View | None:
        """What the app published for this person."""
        return self._homes.get(user)

    def publish(self, user: str, body: Json, *, expected_hash: str | None = None) -> View:
        """Set this person's Home tab."""
        view = self._homes.get(user)
        if view is not None:
            return self.update(view, body, expected_hash=expected_hash)
        if expected_hash is not None:
            raise SlackError("hash_conflict")
        view_id = fresh_id("V")
        view = View(view_id, user, {}, "", view_id)
        self._fill(view, body)
        self._homes[user] = view
        self._workspace.feed.publish("home", {"view": self.wire(view)}, [user])
        return view

    def _fill(self, view: View, body: Json) -> None:
        view.body = copy.deepcopy(body)
        view.body["blocks"] = with_ids(view.body["blocks"])
        view.values = merged(view.blocks, view.values)
        view.hash = f"{int(self._workspace.clock.now())}.{secrets.token_hex(4)}"

    def _refuse_double_external_id(self, body: Json) -> None:
        external_id = body.get("external_id")
        if external_id and self.find(external_id=external_id):
            raise SlackError("duplicate_external_id")

    def wire(self, view: View) -> Json:
        """The view object of answers and payloads, less the app's ids."""
        body = view.body
        return {
            "id": view.id,
            "team_id": self._workspace.team_id,
            "type": body["type"],
            "title": body.get("title"),
            "submit": body.get("submit"),
            "close": body.get("close"),
            "blocks": copy.deepcopy(view.blocks),
            "private_metadata": body.get("private_metadata", ""),
            "callback_id": body.get("callback_id", ""),
            "external_id": body.get("external_id", ""),
            "state": {"values": copy.deepcopy(view.values)},
            "hash": view.hash,
            "clear_on_close": bool(body.get("clear_on_close")),
            "notify_on_close": bool(body.get("notify_on_close")),
            "root_view_id": view.root_id,
            "previous_view_id": view.previous_id,
            "app_installed_team_id": self._workspace.team_id,
        }
