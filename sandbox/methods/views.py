"""views.*: modals and the Home tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.call import TIER_4, method, refuse
from sandbox.validation import view_or_error
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.call import Call
    from sandbox.views import View
    from sandbox.wire import Json


@method("views.open", tier=TIER_4)
def open_view(call: Call) -> Json:
    """Open a modal for the person whose trigger it is."""
    views = call.workspace.views
    body = view_or_error(call.object("view"), only="modal")
    trigger = views.redeem(_trigger_id(call))
    return _answer(call, views.open(trigger.user, body))


@method("views.push", tier=TIER_4)
def push_view(call: Call) -> Json:
    """Lay a modal over the one that the trigger came from."""
    views = call.workspace.views
    body = view_or_error(call.object("view"), only="modal")
    trigger = views.redeem(_trigger_id(call))
    if trigger.view_id is None or views.find(view_id=trigger.view_id) is None:
        refuse("not_found")
    return _answer(call, views.push(trigger.user, body))


@method("views.update", tier=TIER_4)
def update_view(call: Call) -> Json:
    """Replace what an open modal shows."""
    body = view_or_error(call.object("view"))
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not (view_id or external_id):
        refuse("invalid_arguments")
    view = call.workspace.views.find(view_id=view_id or None, external_id=external_id or None)
    if view is None:
        raise SlackError("not_found")
    if view.body["type"] != body["type"]:
        refuse("invalid_arguments")
    expected = call.text("hash") or None
    return _answer(call, call.workspace.views.update(view, body, expected_hash=expected))


@method("views.publish", tier=TIER_4)
def publish_view(call: Call) -> Json:
    """Set a person's Home tab."""
    if not call.installation.manifest.home.home_tab_enabled:
        refuse("not_enabled")
    body = view_or_error(call.object("view"), only="home")
    user = call.workspace.users.get(call.text("user_id"))
    if user is None or user.is_bot:
        raise SlackError("user_not_found")
    expected = call.text("hash") or None
    return _answer(call, call.workspace.views.publish(user.id, body, expected_hash=expected))


def _trigger_id(call: Call) -> str:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        refuse("invalid_arguments")
    return trigger_id


def _answer(call: Call, view: View) -> Json:
    return {"ok": True, "view": call.installation.view(view)}
