"""The grammar of `/access`: a line of text becomes one of the values of `bot.domain.command`.

Words are matched without regard to case, to quotes around them and to what cannot be seen. The
word after a resource is a duration when it looks like one, and is then read wholly or refused.
Whatever is left is the reason, kept whole.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from bot.domain import durations
from bot.domain.command import (
    COMMAND_WORDS,
    Ask,
    Audit,
    Command,
    Extend,
    Help,
    List,
    Mine,
    OpenForm,
    Revoke,
    Who,
)
from bot.domain.errors import RefusalError
from bot.domain.line import COMMAND, Context, Line
from bot.domain.when import EXAMPLE, is_length, read_length, read_when

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

ID: Final = re.compile(r"(?:curfew[-_])?([0-9a-hjkmnp-tv-z]{4,12})", re.ASCII)
LINE_LIMIT: Final = 8_000
"""Characters of a line; more than Slack lets anyone type."""

MISREAD: Final = str.maketrans("oil", "011")
"""What people read aloud wrongly, by the rules of Crockford base32."""


def parse(text: str, *, resources: Collection[str], timezone: str, now: datetime) -> Command:
    """What the text behind `/access` asks for.

    `resources` holds every name that may be meant, in lower case: those of the policy, and the
    names of live grants whose resource is gone. `timezone` is an IANA name.
    Raises `RefusalError`; a hint that begins with `/access` is a whole line to paste.
    """
    if len(text) > LINE_LIMIT:
        message = f"The line has more than {LINE_LIMIT} characters."
        raise RefusalError("line_long", message, hint="Say the main thing, and link to the rest.")
    context = Context(resources=resources, timezone=timezone, now=now.astimezone(UTC), read=_read)
    return _read(text, context)


def grant_id(word: str) -> str | None:
    """The grant id, or its beginning of at least 4 characters, that a word stands for."""
    lower = word.lower()
    found = ID.fullmatch(lower)
    if found is None and len(lower.removeprefix("curfew-")) == 12:  # noqa: PLR2004 - a whole id
        found = ID.fullmatch(lower.removeprefix("curfew-").translate(MISREAD))
    return found[1] if found else None


def _read(text: str, context: Context) -> Command:
    line = Line(text, context)
    word = line.peek()
    if word is None:
        return OpenForm()
    reader = READERS.get(word.text)
    if reader is not None:
        line.take()
        return reader(line)
    _refuse_order(line)
    _known_resource(line, among=COMMAND_WORDS)
    return _ask(line)


def _refuse_order(line: Line) -> None:
    """What is there, but not where it belongs: the command twice, or the duration first."""
    first, second = line.text(), line.text(2)
    if first == COMMAND:
        raise line.refusal("order", f"{COMMAND} stands there twice.", instead="")
    if first not in line.context.resources and second in line.context.resources and is_length(line):
        raise line.refusal(
            "order",
            "The resource comes first, then for how long.",
            instead=f"{second} {first}",
            skip=2,
            hint=f"Write {COMMAND} {second} {EXAMPLE} and the reason.",
        )


def _ask(line: Line, *, emergency: bool = False) -> Ask | OpenForm:
    resource = line.take()
    when = read_when(line)
    starts_at, ends_at, duration = when.resolved(line.context)
    reason = line.reason()
    if not reason:
        return OpenForm(
            resource=resource, duration=duration, starts_at=starts_at, emergency=emergency
        )
    return Ask(
        resource=resource,
        reason=reason,
        duration=duration,
        starts_at=starts_at,
        ends_at=ends_at,
        emergency=emergency,
    )


def _emergency(line: Line) -> Ask | OpenForm:
    if line.peek() is None:
        return OpenForm(emergency=True)
    _known_resource(line)
    return _ask(line, emergency=True)


def _extend(line: Line) -> Extend:
    usage = f"Write {COMMAND} extend, the resource or the id, and how much more: {EXAMPLE}."
    if line.peek() is None:
        raise line.refusal("missing", "What shall be extended is missing.", hint=usage)
    target = _target(line)
    if line.text() == "until":
        raise line.refusal(
            "duration", "An extension says how much more time, not until when.", hint=usage
        )
    by = read_length(line)
    if by is None:
        message = "How much more time is missing."
        raise line.refusal("duration", message, instead=EXAMPLE, skip=0, hint=usage)
    return Extend(target=target, duration=by, reason=line.reason())


def _revoke(line: Line) -> Revoke:
    if line.peek() is None:
        return Revoke()
    return Revoke(target=_target(line), reason=line.reason())


def _who(line: Line) -> Who:
    if line.peek() is None:
        raise line.refusal(
            "missing", "The resource is missing.", hint=f"Write {COMMAND} who and a resource."
        )
    _known_resource(line)
    resource = line.take()
    _nothing_more(line)
    return Who(resource)


def _audit(line: Line) -> Audit:
    resource = person = None
    word = line.peek()
    if word is not None and (word.text in line.context.resources or not is_length(line)):
        if word.user is not None or "@" in word.text:
            person = word.user or word.text
        else:
            _known_resource(line)
            resource = word.text
        line.take()
    since = read_length(line)
    _nothing_more(line)
    return Audit(resource=resource, person=person, since=since)


def _list(line: Line) -> List:
    _nothing_more(line)
    return List()


def _mine(line: Line) -> Mine:
    _nothing_more(line)
    return Mine()


def _help(line: Line) -> Help:
    """Whoever asks for help gets it, whatever stands behind."""
    del line
    return Help()


def _known_resource(line: Line, *, among: Collection[str] = ()) -> None:
    """The next word is a resource, else the refusal with what it resembles."""
    text = line.text()
    resources = line.context.resources
    if text in resources:
        return
    if among:
        raise line.unknown(
            "unknown_word",
            text,
            among={*resources, *among},
            what="neither a resource nor a command",
        )
    raise line.unknown("unknown_resource", text, among=resources, what="no resource")


def _target(line: Line) -> str:
    """A resource, or a grant id or its beginning; takes it."""
    text = line.text()
    resources = line.context.resources
    found = text if text in resources else grant_id(text)
    if found is None:
        raise line.unknown(
            "unknown_resource", text, among=resources, what="neither a resource nor a grant's id"
        )
    line.take()
    return found


def _nothing_more(line: Line) -> None:
    text = line.text()
    if text:
        raise RefusalError(
            "extra",
            f"“{durations.shown(text)}” is one word too many.",
            hint=" ".join([COMMAND, *line.done]),
        )


READERS: Final[dict[str, Callable[[Line], Command]]] = {
    "audit": _audit,
    "emergency": _emergency,
    "extend": _extend,
    "help": _help,
    "list": _list,
    "mine": _mine,
    "revoke": _revoke,
    "who": _who,
}
