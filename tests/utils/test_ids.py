"""UUID version 7: valid, unique and in the order they were made."""

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils import ids
from utils.clock import unix_milliseconds
from utils.ids import uuid7, uuid_range


def test_it_is_a_uuid_of_version_7_that_carries_the_time() -> None:
    before = unix_milliseconds()
    value = uuid7()
    after = unix_milliseconds()
    assert (value.version, value.variant) == (7, RFC_4122)
    assert before <= value.int >> 80 <= after + 1


def test_each_is_greater_than_the_one_before() -> None:
    values = [uuid7() for _ in range(20_000)]
    assert values == sorted(values)
    assert len(set(values)) == len(values)
    assert [str(value) for value in values] == sorted(str(value) for value in values)


def test_each_is_greater_also_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr(ids, "unix_milliseconds", lambda: 1_000)
    assert first < uuid7() < uuid7()


def test_an_exhausted_counter_moves_on_to_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = ids._Sequence()
    monkeypatch.setattr(ids, "unix_milliseconds", lambda: 5)
    millisecond, _ = sequence.next()
    sequence._counter = (1 << 42) - 1
    following, counter = sequence.next()
    assert (millisecond, following) == (5, 6)
    assert counter < 1 << 41


def test_threads_share_one_order() -> None:
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [uuid7() for _ in range(2_000)], range(8)))
    everything = [value for batch in batches for value in batch]
    assert len(set(everything)) == len(everything)
    assert all(batch == sorted(batch) for batch in batches)


def test_a_forked_child_does_not_repeat_its_parent() -> None:
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(uuid7().bytes for _ in range(100)))
        os._exit(0)
    ours = {uuid7() for _ in range(100)}
    os.waitpid(child, 0)
    theirs = os.read(reading, 1600)
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 1600
    assert not ours & {UUID(bytes=theirs[at : at + 16]) for at in range(0, 1600, 16)}


@given(st.uuids(), st.integers(1, 36))
def test_the_range_of_a_prefix_holds_what_begins_with_it(value: UUID, length: int) -> None:
    first, last = uuid_range(str(value)[:length])
    assert first <= value <= last
    digits = str(value)[:length].replace("-", "")
    assert (first.hex, last.hex) == (digits.ljust(32, "0"), digits.ljust(32, "f"))


@pytest.mark.parametrize("prefix", ["g", "0" * 33, "01a2 "])
def test_what_begins_no_uuid_has_no_range(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|invalid literal"):
        uuid_range(prefix)
