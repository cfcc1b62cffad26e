"""The kinds of value in a policy file, each with the sentence for a wrong one.

A wrong value raises `PydanticCustomError`: its type is the problem's code, `hint` in its context
the way out.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final, LiteralString

from pydantic import BeforeValidator, InstanceOf
from pydantic_core import PydanticCustomError

from bot.domain import durations
from bot.domain.command import COMMAND_WORDS
from bot.domain.errors import RefusalError
from bot.domain.pattern import PatternError, compiled
from bot.domain.principal import NAME, Principal, parse_principal

NAME_FORM: Final = re.compile(NAME, re.ASCII)
CHANNEL_FORM: Final = re.compile(r"[CG][A-Z0-9]{2,30}", re.ASCII)
PERSON_FORM: Final = re.compile(r"[^@\s]+@[^@\s]+|[UW][A-Z0-9]{2,30}", re.ASCII)
PATTERN_LIMIT: Final = 200


def wrong(code: LiteralString, message: str, hint: str = "") -> PydanticCustomError:
    """The error of a wrong value; `message` is one sentence."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def _duration(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong("duration", "A duration is expected here.", "Write 30m, for example.")
    if isinstance(value, int):
        raise wrong(
            "duration",
            f"{value} has no unit.",
            f"Write {value}m for minutes, {value}h for hours.",
        )
    try:
        return durations.parse(value)
    except RefusalError as error:
        raise wrong("duration", error.message, f"Write {error.hint}.") from None


def _principal(value: object) -> Principal:
    found = parse_principal(value) if isinstance(value, str) else None
    if found is None:
        shown = durations.shown(str(value)) if isinstance(value, str | int) else "This"
        hint = "Write a user id, a user group's id, “@handle”, an e-mail, group:NAME, oncall:NAME, "
        raise wrong("principal", f"“{shown}” names nobody.", f"{hint}manager or anyone.")
    return found


def _name_of(what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if NAME_FORM.fullmatch(value) is None:
            raise wrong(
                "name",
                f"“{durations.shown(value)}” cannot be the name of a {what}.",
                "Use a to z, 0 to 9, dots, dashes and underscores, 63 at most, and begin with a"
                " letter or digit.",
            )
        if what == "resource" and value in COMMAND_WORDS:
            raise wrong(
                "name",
                f"“{value}” is a command word and cannot be the name of a resource.",
                f"Call it {value}-access, for example.",
            )
        return value

    return check


def _channel(value: object) -> str:
    if isinstance(value, str) and CHANNEL_FORM.fullmatch(value):
        return value
    shown = durations.shown(str(value)) if isinstance(value, str | int) else "This"
    raise wrong(
        "channel",
        f"“{shown}” is no channel id.",
        "Take the id (C…) from the end of the channel's details in Slack, not its name.",
    )


def _pattern(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("pattern", "A pattern is text.", 'Write "INC-[0-9]+", for example.')
    if len(value) > PATTERN_LIMIT:
        raise wrong("pattern", f"A pattern has {PATTERN_LIMIT} characters at most.")
    try:
        compiled(value)
    except PatternError as error:
        raise wrong(
            "pattern",
            f"The pattern cannot be read: {error}.",
            "It is a regular expression without look-around and back-references.",
        ) from None
    return value


def _person(value: str) -> str:
    if PERSON_FORM.fullmatch(value) is None:
        shown = durations.shown(value)
        raise wrong("person", f"“{shown}” is no e-mail address.", "Write dana@example.com.")
    return value.casefold() if "@" in value else value


Duration = Annotated[InstanceOf[timedelta], BeforeValidator(_duration)]
AnyPrincipal = Annotated[InstanceOf[Principal], BeforeValidator(_principal)]
Channel = Annotated[str, BeforeValidator(_channel)]
Pattern = Annotated[str, BeforeValidator(_pattern)]
ResourceName = Annotated[str, BeforeValidator(_name_of("resource"))]
ProviderName = Annotated[str, BeforeValidator(_name_of("provider"))]
GroupName = Annotated[str, BeforeValidator(_name_of("group"))]
PersonKey = Annotated[str, BeforeValidator(_person)]
