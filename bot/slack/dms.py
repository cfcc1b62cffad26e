"""What the requester is told in person, one message for each kind of notice.

A message is rendered from the grant as it is now, so bringing an old one up to date takes off the
buttons that no longer apply.
"""

from collections.abc import Mapping

from bot.domain.record import NoticeKind
from bot.slack.buttons import own_buttons
from bot.slack.message import Message, actions, context, message, said, section
from bot.slack.story import Story, actor
from bot.slack.text import escaped, inline
from bot.slack.words import Words

DM_ROLES = frozenset(
    kind.value
    for kind in NoticeKind
    if kind.value.startswith("dm_") and kind is not NoticeKind.DM_REFRESH
)
"""A posting in one of these roles stands in the requester's own conversation."""

ONCE = frozenset({NoticeKind.DM_FAILED.value, NoticeKind.DM_EXTENSION.value})
"""Told from the notice's own data, and without buttons: never brought up to date."""


def own_message(
    words: Words, story: Story, role: str, data: Mapping[str, object] | None = None
) -> Message:
    """The message of that kind; `data` is the notice's own, where it brought some."""
    return _message(words, story, role, data or {}, newest=True)


def without_buttons(words: Words, story: Story, role: str) -> Message:
    """The same message once a newer one of its kind has come."""
    return _message(words, story, role, {}, newest=False)


def _message(
    words: Words, story: Story, role: str, data: Mapping[str, object], *, newest: bool
) -> Message:
    denied = story.facts["denied"] if role == NoticeKind.DM_DECIDED else None
    reason = str(data.get("reason") or getattr(denied, "reason", "") or "")
    facts = {
        **story.facts,
        "reason": reason,
        "outcome": str(data.get("outcome") or ""),
        "decider": actor(str(data.get("actor") or "policy")),
        "error": str(data.get("error") or ""),
        "held": bool(data.get("held")),
        "newest": newest,
    }
    text = words.mrkdwn(role, "text", **facts)
    return message(
        f"{text} {escaped(inline(reason))}" if reason else text,
        [
            section(text),
            said(reason),
            actions(own_buttons(role, story) if newest else []),
            context(words.mrkdwn("dm_footer", "footer", **facts)),
        ],
    )
