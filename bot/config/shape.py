"""From plain data to the blocks of the schema, or every way in which the data is no such block."""

import copy
import difflib
from collections.abc import Collection, Iterator, Mapping
from types import UnionType
from typing import Annotated, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config.schema import PolicyFile
from bot.config.yaml_tree import Document, Path

Model = TypeVar("Model", bound=BaseModel)

ROUNDS: Final = 6
FREE_FORM: Final = ("grant",)
"""Keys whose content belongs to the adapter: an empty value may be right there."""

STANDS: Final = {
    "string_type": "Text is expected here.",
    "int_type": "A whole number is expected here.",
    "int_from_float": "A whole number is expected here.",
    "bool_type": "true or false is expected here.",
    "list_type": "A list is expected here.",
    "dict_type": "A block of keys is expected here.",
    "model_type": "A block of keys is expected here.",
    "model_attributes_type": "A block of keys is expected here.",
}
RANGES: Final = {
    "literal_error": "{expected} is expected here.",
    "greater_than_equal": "The number has to be {ge} at least.",
    "less_than_equal": "The number has to be {le} at most.",
    "too_short": "The list must not be empty.",
    "string_too_long": "{max_length} characters are the most here.",
}
IN_PLACE_OF: Final[Mapping[str, object]] = {
    "version": 1,
    "channels": {"approvals": "C00", "audit": "C00"},
    "providers": {},
    "resources": {},
}
"""What stands in for a part that is wrong, so that the others can be checked all the same."""


def read_file(document: Document) -> PolicyFile | None:
    """The file's blocks; what is wrong is noted, left out, and the rest is read without it.

    None when nothing can be made of it.
    """
    if not isinstance(document.data, dict):
        document.problem(
            (), "wrong_type", "A policy is a block of keys.", hint="Begin with: version: 1"
        )
        return None
    data = copy.deepcopy(document.data)
    empty = set(_empty(data, ()))
    for path in empty:
        document.problem(
            path,
            "empty",
            f"The key “{path[-1]}” has nothing in it.",
            hint="Give it a value or leave it out.",
            at_key=True,
        )
        _remove(data, path)
    for turn in range(ROUNDS):
        try:
            return PolicyFile.model_validate(data)
        except ValidationError as error:
            if turn == 0:
                found = [e for e in error.errors(include_url=False) if e["loc"] not in empty]
                note(document, found, PolicyFile)
            _mend(data, error)
    return None


def read_block(
    document: Document, model: type[Model], data: object, *, prefix: Path
) -> Model | None:
    """One block by an adapter's own model; what is wrong is noted."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        note(document, error.errors(include_input=False, include_url=False), model, prefix=prefix)
        return None


def note(
    document: Document,
    errors: Collection[ErrorDetails],
    model: type[BaseModel],
    *,
    prefix: Path = (),
) -> None:
    """Note what pydantic found as problems at their places."""
    for error in errors:
        path = prefix + tuple(step for step in error["loc"] if step != "[key]")
        code, message, hint = _said(error, model, document, path)
        on_key = error["loc"][-1:] == ("[key]",) or code in {"unknown_key", "missing_key"}
        where = path[:-1] if code == "missing_key" else path
        document.problem(where, code, message, hint=hint, at_key=on_key)


def _said(
    error: ErrorDetails, model: type[BaseModel], document: Document, path: Path
) -> tuple[str, str, str]:
    """Code, sentence and hint of one error."""
    kind, context = error["type"], error.get("ctx", {})
    last = str(path[-1]) if path else ""
    if kind == "missing":
        return "missing_key", f"The key “{last}” is missing.", f"Add {last}: here."
    if kind == "extra_forbidden":
        return _unknown_key(last, keys_at(model, error["loc"][:-1]))
    if kind in STANDS:
        return "wrong_type", STANDS[kind], _type_hint(kind, value_at(document.data, path))
    if kind in RANGES:
        return "out_of_range", RANGES[kind].format(**context), ""
    text = error["msg"].removeprefix("Value error, ")
    sentence = text[:1].upper() + text[1:]
    return (
        kind if "hint" in context else "not_accepted",
        sentence if sentence.endswith(".") else f"{sentence}.",
        str(context.get("hint", "")),
    )


def _unknown_key(key: str, known: Collection[str]) -> tuple[str, str, str]:
    near = difflib.get_close_matches(key, sorted(known), n=1)
    meant = f"Did you mean “{near[0]}”?" if near else f"Known here: {', '.join(known)}."
    return "unknown_key", f"There is no key “{key}” here.", meant if known else ""


def _type_hint(kind: str, value: object) -> str:
    if kind == "list_type" and isinstance(value, str):
        return f"Write [{value}]."
    if kind == "string_type" and isinstance(value, int | float):
        return f'Write "{value}", in quotes.'
    if kind.startswith("int") and isinstance(value, str) and value.isdecimal():
        return f"Write {value}, without quotes."
    return ""


def keys_at(model: type[BaseModel], location: Path) -> tuple[str, ...]:
    """The keys that a block of the schema knows, by the way that leads to it."""
    here: object = model
    for step in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            found = here.model_fields.get(str(step))
            here = _inner(found.annotation) if found else None
        elif get_origin(here) in {dict, list}:
            here = _inner(get_args(here)[-1])
    if isinstance(here, type) and issubclass(here, BaseModel):
        return tuple(field.alias or name for name, field in here.model_fields.items())
    return ()


def _inner(annotation: object) -> object:
    """The annotation without `Annotated` and `| None`."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        parts = [part for part in get_args(annotation) if part is not type(None)]
        annotation = parts[0]
    return annotation


def value_at(data: object, path: Path) -> object:
    """The piece of plain data at a path, None where there is none."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _empty(data: object, path: Path) -> Iterator[Path]:
    """The keys of the schema that have no value, outside what belongs to adapters."""
    if path[2:3] == FREE_FORM or (path[:1] == ("providers",) and len(path) > 1):
        return
    if isinstance(data, dict):
        for key, value in data.items():
            if value is None:
                yield (*path, key)
            yield from _empty(value, (*path, key))


def _mend(data: dict[str, object], error: ValidationError) -> None:
    """Leave out what was wrong; a part that has to be there is stood in for."""
    # From the back, so that indexes of what is still to be removed hold.
    for found in sorted(error.errors(), key=_order, reverse=True):
        path = tuple(step for step in found["loc"] if step != "[key]")
        if found["type"] == "missing":
            path = path[:-1] if len(path) > 1 else path
        _remove(data, path)
    for key, stand_in in IN_PLACE_OF.items():
        data.setdefault(key, stand_in)


def _order(error: ErrorDetails) -> list[str]:
    return [f"{step:09}" if isinstance(step, int) else step for step in error["loc"]]


def _remove(data: object, path: Path) -> None:
    parent = value_at(data, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent):
        parent.pop(path[-1])
