"""The small language in which the limits of Block Kit are written: rules that yield complaints.

A rule takes a value and its JSON pointer and yields sentences as Slack words them, each ending in
`[json-pointer:…]`. Rules are made of rules; the table itself stands in `limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

Complaints = Iterator[str]
Rule = Callable[[object, str], Complaints]


def at(message: str, pointer: str) -> str:
    """A complaint about what stands at the pointer."""
    return f"{message} [json-pointer:{pointer}]"


def string(most: int, *, least: int = 0) -> Rule:
    """A string of so many characters."""

    def check(value: object, pointer: str) -> Complaints:
        if not isinstance(value, str):
            yield at("must be a string", pointer)
        elif len(value) < least:
            yield at(f"must be more than {least - 1} characters", pointer)
        elif len(value) > most:
            yield at(f"must be less than {most + 1} characters", pointer)

    return check


def choice(*allowed: object) -> Rule:
    """One of these values."""

    def check(value: object, pointer: str) -> Complaints:
        if value not in allowed:
            yield at(f"must be a valid enum value: {', '.join(map(str, allowed))}", pointer)

    return check


def flag(value: object, pointer: str) -> Complaints:
    """A boolean."""
    if not isinstance(value, bool):
        yield at("must be a boolean", pointer)


def whole(least: int, most: int) -> Rule:
    """An integer within these bounds."""

    def check(value: object, pointer: str) -> Complaints:
        if not isinstance(value, int) or isinstance(value, bool):
            yield at("must be an integer", pointer)
        elif not least <= value <= most:
            yield at(f"must be between {least} and {most}", pointer)

    return check


def anything(value: object, pointer: str) -> Complaints:
    """Whatever it is."""
    del value, pointer
    yield from ()


def items(of: Rule, *, most: int, least: int = 1) -> Rule:
    """A list of so many things."""

    def check(value: object, pointer: str) -> Complaints:
        if not isinstance(value, list):
            yield at("must be an array", pointer)
            return
        if len(value) < least:
            yield at(f"no fewer than {least} items allowed", pointer)
        if len(value) > most:
            yield at(f"no more than {most} items allowed", pointer)
        for index, item in enumerate(value):
            yield from of(item, f"{pointer}/{index}")

    return check


def shape(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """An object with these keys and no others."""
    known = {**required, **(optional or {})}

    def check(value: object, pointer: str) -> Complaints:
        if not isinstance(value, dict):
            yield at("must be an object", pointer)
            return
        for key in required:
            if key not in value:
                yield at(f"missing required field: {key}", pointer)
        for key, part in value.items():
            if key not in known:
                yield at(f"additional property: {key}", pointer)
            else:
                yield from known[key](part, f"{pointer}/{key}")

    return check


def kinds(table: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which rule holds."""

    def check(value: object, pointer: str) -> Complaints:
        if not isinstance(value, dict):
            yield at("must be an object", pointer)
            return
        kind = value.get("type")
        rule = table.get(kind) if isinstance(kind, str) else None
        if rule is None:
            yield at(f"unsupported type: {kind}", f"{pointer}/type")
        else:
            yield from rule(value, pointer)

    return check


def both(*rules: Rule) -> Rule:
    """All of these rules."""

    def check(value: object, pointer: str) -> Complaints:
        for rule in rules:
            yield from rule(value, pointer)

    return check


def unique(key: str) -> Rule:
    """A list in whose objects this key never has the same value twice."""

    def check(value: object, pointer: str) -> Complaints:
        seen: set[str] = set()
        for index, item in enumerate(value if isinstance(value, list) else []):
            name = item.get(key) if isinstance(item, dict) else None
            if isinstance(name, str) and name in seen:
                yield at(f"`{key}` {name} already exists", f"{pointer}/{index}/{key}")
            elif isinstance(name, str):
                seen.add(name)

    return check


def any_of(*keys: str) -> Rule:
    """An object with at least one of these keys."""

    def check(value: object, pointer: str) -> Complaints:
        if isinstance(value, dict) and not any(value.get(key) for key in keys):
            yield at(f"missing required field: {' or '.join(keys)}", pointer)

    return check


def preset(value: object, pointer: str) -> Complaints:
    """An element whose initial choice is among its options."""
    if not isinstance(value, dict):
        return
    groups = [g for g in _listed(value.get("option_groups")) if isinstance(g, dict)]
    offered = _listed(value.get("options"))
    offered = [*offered, *(one for group in groups for one in _listed(group.get("options")))]
    values = [option.get("value") for option in offered if isinstance(option, dict)]
    for key in ("initial_option", "initial_options"):
        chosen = value.get(key)
        for one in chosen if isinstance(chosen, list) else [chosen]:
            if isinstance(one, dict) and one.get("value") not in values:
                yield at(f"{key} is not among the options", f"{pointer}/{key}")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
