"""The words: Jinja2 templates, one file for each kind of message, which an operator can override.

A file has named parts (`{% block headline %}…`). A part is taken from the operator's file of the
same name where that has it, else from ours, so that one sentence can be changed without copying
the rest. What comes out of a variable is escaped for mrkdwn; only our own filters make markup.
A part of the operator's that fails while a message is rendered is said in our words instead: a
slip in a template must not silence the audit channel. What can be known to be wrong is found at
the start: see `bot.slack.overrides`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bot.domain.durations import human
from bot.domain.errors import CurfewError
from bot.slack.overrides import problems_of
from bot.slack.text import code, escaped, fenced, inline, mention, visible

__all__ = ["SHIPPED", "Words", "WordsError"]

SHIPPED: Final = Path(__file__).parent / "templates"
BREAK: Final = "\ue000"
BLANK: Final = "\ue001"
"""A line break and a blank that are meant. Text from people never holds them (see `visible`)."""
LINE_BREAK: Final = Markup(BREAK)  # noqa: S704 - one private character
BREAKS: Final = re.compile(f" ?{BREAK} ?")
LAID_OUT: Final = str.maketrans({BREAK: "\n", BLANK: " "})
WAY: Final = "docs/operate.md, Your own words, says how templates are laid out."
STAMP: Final = "%Y-%m-%d %H:%M UTC"

log = structlog.get_logger("curfew.slack")


class WordsError(CurfewError):
    """The operator's templates are wrong. Sentences that name the file and the line."""

    def __init__(self, message: str, *, hints: tuple[str, ...] = ()) -> None:
        """`message` is the first thing that is wrong, `hints` the rest and the way out."""
        super().__init__(message)
        self.message = message
        self.hints = hints


class Words:
    """Says things. `overrides` is a directory laid out as `bot/slack/templates`."""

    def __init__(self, overrides: Path | None = None) -> None:
        """Raises `WordsError` for a directory that is not there or holds what cannot be said."""
        self._places = [_Place(SHIPPED)]
        if overrides is not None:
            if not overrides.is_dir():
                raise WordsError(f"There is no directory {overrides} with templates.", hints=(WAY,))
            self._places.insert(0, _Place(overrides))
            if found := problems_of(overrides, self._places[0].mrkdwn, SHIPPED):
                raise WordsError(found[0], hints=(*found[1:], WAY))

    def has(self, template: str) -> bool:
        """There are words of ours or of the operator's by that name."""
        return any((place.directory / f"{template}.j2").is_file() for place in self._places)

    def mrkdwn(self, template: str, part: str, /, **facts: object) -> str:
        """One part, as mrkdwn; empty when the template says nothing.

        Blanks and line ends of the template are one blank; `{{ br }}` breaks the line.
        """
        said = " ".join(self._say(lambda place: place.mrkdwn, template, part, facts).split())
        return BREAKS.sub(BREAK, said).translate(LAID_OUT)

    def plain(self, template: str, part: str, /, **facts: object) -> str:
        """One part, as text that is shown as it is, on one line."""
        return " ".join(self._say(lambda place: place.plain, template, part, facts).split())

    def _say(
        self,
        tongue: Callable[["_Place"], ImmutableSandboxedEnvironment],
        template: str,
        part: str,
        facts: Mapping[str, object],
    ) -> str:
        for place in self._places[:-1]:
            try:
                said = place.say(tongue(place), template, part, facts)
            except Exception as error:  # noqa: BLE001 - a template may raise anything
                log.warning("template failed", template=template, part=part, error=str(error))
            else:
                if said is not None:
                    return said
        shipped = self._places[-1]
        said = shipped.say(tongue(shipped), template, part, facts)
        if said is None:
            raise WordsError(f"The template {template} has no part {part}.")
        return said


class _Place:
    """One directory of templates, in both tongues."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mrkdwn = _environment(directory, is_markup=True)
        self.plain = _environment(directory, is_markup=False)

    def say(
        self,
        tongue: ImmutableSandboxedEnvironment,
        template: str,
        part: str,
        facts: Mapping[str, object],
    ) -> str | None:
        """None where this place has no such part."""
        name = f"{template}.j2"
        if not (self.directory / name).is_file():
            return None
        found = tongue.get_template(name)
        block = found.blocks.get(part)
        if block is None:
            return None
        return "".join(block(found.new_context(dict(facts)))).strip()


def _environment(directory: Path, *, is_markup: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(directory),
        autoescape=is_markup,
        finalize=_shown_markup if is_markup else _shown_plain,
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=200,
    )
    environment.globals["br"] = LINE_BREAK if is_markup else " "
    environment.filters.update(MRKDWN_FILTERS if is_markup else PLAIN_FILTERS)
    return environment


def _shown_markup(value: object) -> object:
    """Everything that is no markup of ours is text."""
    if value is None:
        return Markup("")
    return value if isinstance(value, Markup) else escaped(str(value))


def _shown_plain(value: object) -> object:
    return "" if value is None else visible(str(value))


def stamp(at: datetime) -> str:
    """For those who see no local time: notifications, screen readers, old clients."""
    return at.astimezone(UTC).strftime(STAMP)


def _date(form: str) -> Callable[[datetime], Markup]:
    def show(at: datetime) -> Markup:
        # Slack's own markup: shown in the time zone of whoever reads it.
        return Markup(f"<!date^{int(at.timestamp())}^{form}|{stamp(at)}>")  # noqa: S704 - numbers

    return show


def _seconds(count: object) -> timedelta:
    """Lengths stand in the log as whole seconds."""
    return timedelta(seconds=count if isinstance(count, int) else 0)


def _fenced(text: str) -> Markup:
    """Several lines to paste, laid out as they were given."""
    return Markup(fenced(text).translate({ord("\n"): BREAK, ord(" "): BLANK}))  # noqa: S704 - markup already


def _cut(text: str, limit: int = 200) -> str:
    return inline(text, limit)


MRKDWN_FILTERS: Final[dict[str, Callable[..., object]]] = {
    "mention": mention,
    "code": code,
    "fenced": _fenced,
    "when": _date("{date_short_pretty} at {time}"),
    "ago": _date("{ago}"),
    "long": human,
    "seconds": _seconds,
    "cut": _cut,
}
PLAIN_FILTERS: Final[dict[str, Callable[..., object]]] = {
    "mention": str,
    "code": _cut,
    "fenced": _cut,
    "when": stamp,
    "ago": stamp,
    "long": human,
    "seconds": _seconds,
    "cut": _cut,
}
