"""A JSON body is refused for its number of values or its depth before anything decodes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import InvalidError
from utils.http.json_bounds import MAX_DEPTH, count_separators, refuse_excess

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def separators(value: Any) -> int:
    """Return how many commas and opening brackets stand outside of texts."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + sum(separators(one) for one in value.values())
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(separators(one) for one in value)
    return 0


def is_refused(body: bytes, most: int) -> bool:
    try:
        refuse_excess(body, most)
    except InvalidError:
        return True
    return False


@given(JSON)
def test_separators_are_counted_outside_of_texts(value: Any) -> None:
    body, exact = json.dumps(value, ensure_ascii=False).encode(), separators(value)
    assert count_separators(body) >= exact
    assert not is_refused(body, exact + 1)
    assert is_refused(body, exact - 1) or exact == 0


@given(st.binary(max_size=300) | st.text('[]{}",\\:0 ').map(str.encode))
def test_no_bytes_whatsoever_break_the_count(body: bytes) -> None:
    is_refused(body, 5)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_refused_as_such(opening: bytes) -> None:
    refuse_excess(opening * MAX_DEPTH, 1000)
    with pytest.raises(InvalidError, match="nested too deeply"):
        refuse_excess(opening * (MAX_DEPTH + 1), 1000)


def test_a_text_full_of_commas_is_one_value() -> None:
    refuse_excess(json.dumps({"text": ',[{"' * 100_000}).encode(), 10)
