"""What the ack of a form's submission does to the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.validation import view_or_error
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.views import View, Views
    from sandbox.wire import Json

_TROUBLE = "The app answered with something that cannot be shown. Try again."


def conclude(views: Views, view: View, body: object) -> Json:
    """Close, clear, change or stack, or show errors beside fields: as the ack says.

    An ack that Slack could not make sense of leaves the form open and says so.
    """
    answer = body if isinstance(body, dict) else {}
    action = answer.get("response_action")
    try:
        return _applied(views, view, answer, action)
    except SlackError as error:
        details = list(error.messages)
        return {"ok": False, "error": error.code, "message": _TROUBLE, "details": details}


def _applied(views: Views, view: View, answer: Json, action: object) -> Json:
    match action:
        case None:
            _close_this(views, view)
        case "clear":
            views.close(view.user, everything=True)
        case "update":
            views.update(view, view_or_error(answer.get("view"), only="modal"))
        case "push":
            views.push(view.user, view_or_error(answer.get("view"), only="modal"))
        case "errors":
            return _errors(view, answer.get("errors"))
        case _:
            raise SlackError("invalid_response_action")
    return {"ok": True, "response_action": action}


def _close_this(views: Views, view: View) -> None:
    stack = views.stack(view.user)
    if stack and stack[-1] is view:
        views.close(view.user)


def _errors(view: View, errors: object) -> Json:
    fields = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_errors", messages=("errors must be an object with entries",))
    unknown = [str(key) for key in errors if key not in fields]
    if unknown:
        raise SlackError(
            "invalid_errors", messages=tuple(f"no input block {key}" for key in unknown)
        )
    return {"ok": False, "response_action": "errors", "errors": dict(errors)}
