"""The one JSON text of a value: sorted keys, no spaces. What batches need by the thousand."""

import json
from collections.abc import Callable
from json.encoder import (  # type: ignore[attr-defined] # typeshed leaves out the compiled part
    c_make_encoder,
    encode_basestring,
    encode_basestring_ascii,
)
from typing import Any, Final

SEPARATORS: Final = (",", ":")


def encoder(
    *, ensure_ascii: bool = True, default: Callable[[Any], object] | None = None
) -> Callable[[object], str]:
    """What `json.JSONEncoder(...).encode` gives, NaN refused; no circles are looked for.

    The standard library makes its inner encoder anew for each value, which for a small one takes
    six times as long as the encoding.
    """
    plain = json.JSONEncoder(
        sort_keys=True,
        separators=SEPARATORS,
        allow_nan=False,
        check_circular=False,
        ensure_ascii=ensure_ascii,
        default=default,
    )
    if c_make_encoder is None:  # an interpreter without the compiled part
        return plain.encode
    quoted = encode_basestring_ascii if ensure_ascii else encode_basestring
    items, keys = SEPARATORS
    inner = c_make_encoder(None, plain.default, quoted, None, keys, items, True, False, False)
    return lambda value: "".join(inner(value, 0))
