"""The quick encoder says what the standard library says."""

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import compact
from bot.domain.compact import encoder
from bot.storage.types import to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FINITE = VALUES.filter(lambda value: "Infinity" not in json.dumps(value))


@given(FINITE, st.booleans())
def test_the_text_is_the_library_s(value: object, ensure_ascii: bool) -> None:  # noqa: FBT001 - Hypothesis fills it in
    """Sorted, without spaces, to the letter."""
    wanted = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=ensure_ascii, allow_nan=False
    )
    assert encoder(ensure_ascii=ensure_ascii)(value) == wanted


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf")}])
def test_what_is_no_number_is_refused(value: object) -> None:
    """JSON has no spelling for it."""
    with pytest.raises(ValueError, match="JSON compliant"):
        encoder()(value)


def test_what_json_does_not_know_is_refused() -> None:
    """Unless it is some other mapping, which a JSON column takes; or a tuple, which is a list."""
    with pytest.raises(TypeError):
        encoder()({"a": object()})
    with pytest.raises(TypeError):
        to_json({"a": object()})
    assert to_json({"b": MappingProxyType({"a": 1}), "a": (1, 2)}) == '{"a":[1,2],"b":{"a":1}}'


def test_without_the_compiled_part_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that lacks it is slower, not different."""
    value = {"b": ["ü", 1, None], "a": {"z": True}}
    quick = encoder(ensure_ascii=False)(value)
    monkeypatch.setattr(compact, "c_make_encoder", None)

    assert encoder(ensure_ascii=False)(value) == quick == '{"a":{"z":true},"b":["ü",1,null]}'
