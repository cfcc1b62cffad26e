"""What goes over the wire: JSON objects, the way Slack says no, and its kinds of identifiers."""

from __future__ import annotations

import secrets
import string
from typing import Any

Json = dict[str, Any]
"""A JSON object. What Slack sends and takes is not ours to type closer than its documentation."""

_LETTERS = string.ascii_uppercase + string.digits


class SlackError(Exception):
    """A logical error of the Web API: answered as `ok: false` with HTTP 200.

    `messages` become `response_metadata.messages`, where Slack puts the JSON pointers.
    """

    def __init__(self, code: str, *, messages: tuple[str, ...] = (), **extra: str) -> None:
        """`extra` is added to the answer, as `needed` and `provided` of `missing_scope`."""
        super().__init__(code)
        self.code = code
        self.messages = messages
        self.extra = extra

    def body(self) -> Json:
        """The answer's JSON."""
        answer: Json = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            answer["errors"] = list(self.messages)
            answer["response_metadata"] = {
                "messages": [f"[ERROR] {line}" for line in self.messages]
            }
        return answer


class RefusedActError(Exception):
    """The page or a test asked for something that a person could not do in Slack."""

    def __init__(self, code: str, message: str) -> None:
        """`message` is one sentence for the person at the page or the author of the test."""
        super().__init__(message)
        self.code = code
        self.message = message


def fresh_id(prefix: str, length: int = 10) -> str:
    """An identifier of Slack's form, never given before: `V` and ten capitals or digits."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))


def fresh_block_id() -> str:
    """What Slack puts where an app gave no `block_id` or `action_id`."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(5))
