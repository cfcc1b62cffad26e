"""What Slack's answer to a message means for the notice: later, perhaps told, or never this way.

Codes are those of Slack's reference of `chat.postMessage` and `chat.update`.
"""

from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.engine.ports import PostLaterError, PostRefusedError
from bot.slack.client import error_code

TOKEN: Final = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""The app itself is in the way: everything waits until an operator mends it."""

BUSY: Final = frozenset(
    {
        "accesslimited",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Slack did not take it."""

UNCLEAR: Final = frozenset({"fatal_error", "internal_error", "request_timeout"})
"""Slack does not say whether it took it."""

STALE: Final = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})
"""The message cannot be edited any more: it is posted anew."""

TOKEN_WAIT: Final = 60.0
SERVER_ERRORS: Final = 500


def verdict(error: Exception, *, is_edit: bool = False) -> PostLaterError | PostRefusedError:
    """What to raise for a call that failed. An edit may be repeated, so nothing about it is unsure.

    Anything that is no word of Slack's, but no connection refused either, may have arrived.
    """
    code = error_code(error)
    if code in TOKEN:
        return PostLaterError(f"Slack refuses the app: {code}", retry_after=TOKEN_WAIT)
    if code in BUSY or code == "http_429":
        return PostLaterError(f"Slack: {code}", retry_after=retry_after(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return PostLaterError("Slack cannot be reached")
    if code in UNCLEAR or not _is_said(error):
        return PostLaterError(f"Slack: {code}", unsure=not is_edit)
    return PostRefusedError(code, f"Slack does not take this message: {code}.")


def retry_after(error: Exception) -> float | None:
    """The seconds that Slack asks for, None where it names none."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    said = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return max(1.0, float(said)) if said is not None else None
    except ValueError:
        return None


def _is_said(error: Exception) -> bool:
    """Slack itself said no, in its own words and with a status that means an answer."""
    if not isinstance(error, SlackApiError):
        return False
    status = getattr(error.response, "status_code", 0)
    return not error_code(error).startswith(("http_", "nonsense")) and status < SERVER_ERRORS
