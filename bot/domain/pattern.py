"""Regular expressions of the policy, searched for in what people type.

The engine is the one that pydantic brings (the Rust crate `regex`): a search takes time in
proportion to the text, whatever the expression. Python's own engine backtracks, holds the
interpreter's lock while it does, and so one line from one person could stop the whole bot.
See docs/adr/reason-patterns.md.
"""

from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

KEPT: Final = 256
"""Compiled patterns that are kept: more than any policy has."""

REASON: Final = "error: "
SIZE: Final = "size limit"


class PatternError(ValueError):
    """The text is no expression of this engine; the message is the end of a sentence."""


def is_in(pattern: str, text: str) -> bool:
    """Something in the text matches. Raises `PatternError` for what is no expression."""
    try:
        compiled(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=KEPT)
def compiled(pattern: str) -> SchemaValidator:
    """The expression, ready to be searched for. Raises `PatternError`."""
    schema = core_schema.str_schema(strict=True, pattern=pattern, regex_engine="rust-regex")
    try:
        return SchemaValidator(schema)
    except SchemaError as error:
        raise PatternError(_why(str(error))) from None


def _why(said: str) -> str:
    """What is wrong, without the lines that quote the pattern: a secret may stand in it."""
    if SIZE in said:
        return "its repetitions make it too large"
    lines = [line.strip() for line in said.splitlines()]
    found = [line.removeprefix(REASON) for line in lines if line.startswith(REASON)]
    return found[0] if found else "it is no regular expression"
