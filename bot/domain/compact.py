"""The one JSON text of a value: sorted keys, no spaces, nothing escaped that need not be."""

from collections.abc import Mapping
from typing import Final

from msgspec.json import Encoder


def _plain(value: object) -> dict[object, object]:
    """Mappings of other kinds as JSON knows them."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not a JSON value: {value!r}")


_encode: Final = Encoder(order="sorted", enc_hook=_plain).encode


def compact(value: object) -> str:
    """Equal values have equal texts. A float that is no number becomes `null`."""
    return _encode(value).decode()
