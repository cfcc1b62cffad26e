"""Answers to `/access …`: what only the person who typed it sees. Words in `templates/answer`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from bot.slack.message import SECTION, Message, context, message, section
from bot.slack.text import inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from markupsafe import Markup

    from bot.domain.grant import Grant
    from bot.domain.policy import Resource
    from bot.domain.record import SealedEvent
    from bot.engine.reading import History
    from bot.slack.words import Words

SHOWN: Final = 40
"""Lines of a list; an answer is to be read at a glance."""

HISTORY: Final = 25
HELP: Final = ("form", "ask", "later", "extend", "revoke", "list", "mine", "who", "audit")
"""The lines of the help, in their order."""


class Answers:
    """Pure: rows in, messages out."""

    def __init__(self, words: Words) -> None:
        """`words` are the templates, an operator's own included."""
        self._words = words

    def asked(self, grant: Grant, waiting: Markup) -> Message:
        """A request was made, or had been made before. `waiting` is for whom, as markup."""
        return self._of("asked", "asked", "asked_small", grant=grant, waiting=waiting)

    def ended(self, grant: Grant) -> Message:
        """A revoke, or a request taken back."""
        return self._of("asked", "ended", "asked_small", grant=grant)

    def extended(self, grant: Grant, by: timedelta, waiting: Markup) -> Message:
        """More time was asked for, and perhaps given at once."""
        facts = {"grant": grant, "by": by, "extension": grant.extension, "waiting": waiting}
        return self._of("asked", "extended", "", **facts)

    def offers(self, offers: Sequence[Resource]) -> Message:
        """What somebody may ask for."""
        lines = [self._say("list", "line", resource=offer) for offer in offers[:SHOWN]]
        return self._list("list", "headline", "nothing", lines, left=len(offers) - SHOWN)

    def mine(self, grants: Sequence[Grant], waiting: Sequence[Grant]) -> Message:
        """What somebody has and waits for, and what waits for them."""
        lines = [self._say("mine", "line", grant=grant) for grant in grants[:SHOWN]]
        own = self._list("mine", "headline", "nothing", lines, left=len(grants) - SHOWN)
        if not waiting:
            return own
        lines = [self._say("mine", "decide", grant=grant) for grant in waiting[:SHOWN]]
        other = self._list("mine", "deciding", "nothing", lines, left=len(waiting) - SHOWN)
        return Message(f"{own.text}\n{other.text}", (*own.blocks, *other.blocks))

    def holders(self, name: str, grants: Sequence[Grant]) -> Message:
        """Who has a resource now."""
        lines = [self._say("mine", "holder", grant=grant) for grant in grants[:SHOWN]]
        left = len(grants) - SHOWN
        return self._list("mine", "holders", "nobody", lines, left=left, resource=name)

    def history(
        self,
        history: History,
        *,
        resource: str | None,
        person: str | None,
        since: datetime | None,
    ) -> Message:
        """The log about something, the newest first."""
        lines = [
            self._say(
                "history",
                "line",
                event=event,
                grant=history.grants.get(event.grant_id or ""),
                what=_named(event),
            )
            for event in history.events[:HISTORY]
        ]
        left = len(history.events) - HISTORY + history.more
        facts = {"resource": resource, "person": person, "since": since}
        return self._list("history", "headline", "nothing", lines, left=left, **facts)

    def help(self, example: str) -> Message:
        """All forms of the command. `example` is a resource's name."""
        lines = "\n".join(self._say("help", part, example=example) for part in HELP)
        headline = self._say("help", "headline")
        blocks = [section(f"*{headline}*"), section(lines), context(self._say("help", "small"))]
        return message(f"{headline}\n{lines}", blocks)

    def _of(self, template: str, part: str, small: str, **facts: object) -> Message:
        said = self._say(template, part, **facts)
        below = self._say(template, small, **facts) if small else ""
        return message(said, [section(said), context(below)])

    def _list(
        self,
        template: str,
        headline: str,
        nothing: str,
        lines: Sequence[str],
        *,
        left: int,
        **facts: object,
    ) -> Message:
        if not lines:
            said = self._say(template, nothing, **facts)
            return message(said, [section(said)])
        title = self._say(template, headline, **facts)
        more = self._say(template, "more", count=left) if left > 0 else ""
        blocks = [section(f"*{title}*"), *(section(page) for page in _pages(lines)), context(more)]
        return message("\n".join([title, *lines, more]), blocks)

    def _say(self, template: str, part: str, **facts: object) -> str:
        return self._words.mrkdwn(f"answer/{template}", part, **facts)


def _named(event: SealedEvent) -> str:
    """What happened; with the resource where no grant came of it."""
    what = event.kind.value.replace(".", " ")
    resource = json.loads(event.body)["data"].get("resource")
    return what if event.grant_id or not resource else f"{what}: {inline(str(resource))}"


def _pages(lines: Iterable[str]) -> list[str]:
    """The lines in as few pieces as sections can hold."""
    pages = [""]
    for line in lines:
        joined = f"{pages[-1]}\n{line}".strip()
        if len(joined) > SECTION and pages[-1]:
            pages.append(line)
        else:
            pages[-1] = joined
    return pages
