"""The text is the one that the log's format promises, whoever makes it."""

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.compact import compact

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_the_text_is_the_standard_library_s(value: object) -> None:
    """Sorted, without spaces, to the letter: two libraries agree on what is hashed."""
    wanted = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert compact(value) == wanted


def test_every_character() -> None:
    """All of Unicode in one text: what must be escaped is, and nothing else."""
    everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    assert compact(everything) == json.dumps(everything, ensure_ascii=False)


def test_numbers_come_back() -> None:
    """A float is spelled as short as can be; what is no number has no spelling."""
    assert json.loads(compact([0.1, 1e22, -1.5])) == [0.1, 1e22, -1.5]
    assert compact([float("nan"), float("inf")]) == "[null,null]"


def test_what_json_does_not_know_is_refused() -> None:
    """Unless it is some other mapping; a tuple is a list."""
    with pytest.raises(TypeError):
        compact({"a": object()})
    assert compact({"b": MappingProxyType({"a": 1}), "a": (1, 2)}) == '{"a":[1,2],"b":{"a":1}}'
