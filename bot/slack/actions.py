"""The names by which Slack tells back what was pressed and what was submitted.

A button carries the grant id as its value and nothing else. The number of an extension stands
behind a colon in the action id (`extension_approve:2`). Neither is authority: who pressed comes
from the payload, whether they may is decided by the engine.
"""

from enum import StrEnum

__all__ = ["ActionId", "Field", "FormId", "answer_field", "extension_action", "parse_action"]


class ActionId(StrEnum):
    """A button."""

    APPROVE = "approve"
    APPROVE_SHORTER = "approve_shorter"
    DENY = "deny"
    REVOKE = "revoke"
    EXTEND = "extend"
    CREDENTIALS = "credentials"
    CANCEL = "cancel"
    SIGN_OFF = "sign_off"
    DONE = "done"
    """On the card of what is to be done by hand."""
    EXTENSION_APPROVE = "extension_approve"
    EXTENSION_DENY = "extension_deny"
    ASK = "ask"
    """On App Home, beside what one may ask for: the value is the resource's name."""


class FormId(StrEnum):
    """The callback id of a form."""

    REQUEST = "request_form"
    SHORTER = "shorter_form"
    DENY = "deny_form"
    EXTEND = "extend_form"
    EXTENSION_DENY = "extension_deny_form"
    CREDENTIALS = "credentials_form"
    ANSWERS = "answers_form"
    """What an adapter asks before it makes credentials; each field is named by `answer_field`."""
    NOTICE = "notice_form"
    """A sentence to read, nothing to submit."""


class Field(StrEnum):
    """A question of a form: the block id and the action id of its input alike."""

    RESOURCE = "resource"
    DURATION = "duration"
    START = "start"
    REASON = "reason"


def answer_field(name: str) -> str:
    """The block id and the action id of an adapter's question of that name."""
    return f"answer_{name}"


def extension_action(action: ActionId, number: int) -> str:
    """The action id of a button about the grant's extension of that number (from 1)."""
    return f"{action}:{number}"


def parse_action(action_id: str) -> tuple[ActionId, int | None]:
    """The button behind an action id, and the extension's number where one is given.

    Raises `ValueError` for an action id that is none of ours.
    """
    name, colon, number = action_id.partition(":")
    return ActionId(name), int(number) if colon else None
