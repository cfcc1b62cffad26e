"""One call of the Web API: its arguments, however they were sent, and the registry of methods."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sandbox.wire import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.events import Events
    from sandbox.installation import Installation
    from sandbox.wire import Json
    from sandbox.workspace import Workspace

_TRUE = ("1", "true", "True")


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls is known already; arguments are asked for by kind."""

    args: Mapping[str, object]
    installation: Installation
    events: Events
    base_url: str

    @property
    def workspace(self) -> Workspace:
        return self.installation.workspace

    def text(self, name: str) -> str:
        """A string, empty when it was not sent."""
        value = self.args.get(name)
        return "" if value is None else str(value)

    def has(self, name: str) -> bool:
        return self.args.get(name) is not None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean: JSON's own, or `1` and `true` as forms and queries carry it."""
        value = self.args.get(name)
        if value is None:
            return default
        return value is True or str(value) in _TRUE

    def number(self, name: str, default: int) -> int:
        """A whole number; `invalid_arguments` for anything else."""
        value = self.args.get(name)
        if value in (None, ""):
            return default
        try:
            return int(str(value))
        except ValueError:
            raise SlackError("invalid_arguments", messages=(f"{name} must be a number",)) from None

    def object(self, name: str) -> object:
        """A structure: from a JSON body as it is, from a form as JSON in a string."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError("invalid_arguments", messages=(f"{name} is no JSON",)) from None

    def names(self, name: str) -> list[str]:
        """A list, or a string with commas."""
        value = self.args.get(name)
        listed = value if isinstance(value, list) else self.text(name).split(",")
        return [str(item).strip() for item in listed if str(item).strip()]


@dataclass(frozen=True, slots=True)
class Method:
    """What the dispatcher has to know. `scopes`: one of them is enough. `tier`: calls a minute.

    `is_open`: needs no token.
    """

    run: Callable[[Call], Json]
    scopes: tuple[str, ...]
    tier: int
    is_open: bool


METHODS: dict[str, Method] = {}
"""By name; filled by the families."""

TIER_2, TIER_3, TIER_4, UNTIERED = 20, 50, 100, 600


def method(
    name: str,
    *,
    scopes: tuple[str, ...] = (),
    tier: int = TIER_3,
    is_open: bool = False,
) -> Callable[[Callable[[Call], Json]], Callable[[Call], Json]]:
    """Register the function as a method."""

    def register(run: Callable[[Call], Json]) -> Callable[[Call], Json]:
        METHODS[name] = Method(run, scopes, tier, is_open)
        return run

    return register


def refuse(code: str) -> NoReturn:
    """Answer with this error."""
    raise SlackError(code)
