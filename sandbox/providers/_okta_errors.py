"""Okta's forms of a no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.providers._house import Answer, random_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAID = {
    400: ("E0000001", "Api validation failed"),
    401: ("E0000011", "Invalid token provided"),
    403: ("E0000006", "You do not have permission to perform the requested action"),
    404: ("E0000007", "Not found: Resource not found"),
    405: ("E0000022", "The endpoint does not support the provided HTTP method"),
    429: ("E0000047", "API call exceeded rate limit due to too many requests."),
}


def refusal(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    """Okta's form of an error."""
    code, summary = _SAID[status]
    body = {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": random_id(24),
        "errorCauses": [],
    }
    return Answer(status, body, headers)
