"""Lines: in the audit channel, and in the thread of a card. One template for each kind of event.

A line names the event, whose access it is, who did it, the resource and the grant, and in the
audit channel ends with the number of its event in the log and the beginning of its hash.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from jinja2 import UndefinedError
from markupsafe import Markup

from bot.domain.chain import SHORT_HASH
from bot.domain.grant import Grant
from bot.domain.record import SealedEvent
from bot.slack.message import SECTION, TEXT, Message, context, fitted, message, section
from bot.slack.story import Naming, actor, happening
from bot.slack.text import code, escaped, inline, mention
from bot.slack.words import Words

log = structlog.get_logger("curfew.slack")

REST_LIMIT: Final = 20
SEAL_ROOM: Final = 40
"""Characters for the number and the hash at the end of a line."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event with what a line about it may need. `admins` are their mentions, as markup.

    `history` holds the events of the same grant, oldest first.
    """

    event: SealedEvent
    grant: Grant | None = None
    history: tuple[SealedEvent, ...] = ()
    admins: Markup = field(default_factory=Markup)
    cleanup: str = ""


def audit_line(words: Words, occasion: Occasion) -> Message:
    """A line for the audit channel; people are mentioned, so that they cannot be mistaken."""
    event = occasion.event
    said, below = _spoken(words, "audit", occasion, mention, ("line", "below"))
    seal = f"#{event.seq} {event.hash[:SHORT_HASH]}"
    # The seal ends the line, however long the rest is.
    if not below:
        line = f"{fitted(said, SECTION - SEAL_ROOM)} · {seal}"
        return message(line, [section(line)])
    text = fitted(f"{said}\n{below}", TEXT - SEAL_ROOM)
    return message(f"{text}\n{seal}", [section(said), section(below), context(seal)])


def thread_line(words: Words, occasion: Occasion, naming: Naming) -> Message:
    """A line for the thread of the card; people are called by `naming`, which pings nobody."""
    [said] = _spoken(words, "thread", occasion, naming, ("line",))
    return message(said, [section(said)])


def _spoken(
    words: Words, folder: str, occasion: Occasion, naming: Naming, parts: tuple[str, ...]
) -> list[str]:
    """The parts of the line's template, or of the one for kinds without words of their own.

    That one serves too where an event says less than its template speaks of, as one of an older
    program may: the audit lane waits for each line, so none may fail to be told.
    """
    facts = _facts(occasion, naming)
    own = f"{folder}/{occasion.event.kind.value}"
    if words.has(own):
        try:
            return [words.mrkdwn(own, part, **facts) for part in parts]
        except (UndefinedError, TypeError) as error:
            log.warning("words do not fit an event", seq=occasion.event.seq, error=str(error))
    return [words.mrkdwn(f"{folder}/other", part, **facts) for part in parts]


def _facts(occasion: Occasion, naming: Naming) -> dict[str, object]:
    event, grant = occasion.event, occasion.grant
    told = happening(event, naming)
    return {
        "event": told,
        "by": told.by,
        "reason": told.reason,
        "data": told.data,
        "error": told.error,
        "rest": _rest(event),
        "grant": grant,
        "ends": _end_then(occasion),
        "who": actor(grant.requester, naming) if grant else "",
        "admins": occasion.admins,
        "cleanup": occasion.cleanup,
    }


def _end_then(occasion: Occasion) -> datetime | None:
    """The end as it was with this event: by the time the line is written it may have moved on."""
    ends = (
        _end_set(event) for event in reversed(occasion.history) if event.seq <= occasion.event.seq
    )
    return next((end for end in ends if end is not None), None)


def _end_set(event: SealedEvent) -> datetime | None:
    changes = (json.loads(event.body).get("data") or {}).get("changes")
    end = changes.get("expires_at") if isinstance(changes, dict) else None
    return datetime.fromisoformat(end) if isinstance(end, str) else None


def _rest(event: SealedEvent) -> Markup:
    """Everything that the event says, as `name value`, for kinds without words of their own."""
    data = json.loads(event.body).get("data") or {}
    pairs = [
        escaped(f"{inline(str(name), 40)} ") + code(inline(_flat(value), 120))
        for name, value in list(data.items())[:REST_LIMIT]
        if name != "changes"
    ]
    return Markup(", ").join(pairs)


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
