"""What requests hold is counted to the byte, and bounded; small requests always fit."""

from hypothesis import given
from hypothesis import strategies as st

from utils.lifecycle import HeldBytes, ReceivedBytes
from utils.lifecycle.received_bytes import ALWAYS_HELD_BYTES

LIMIT = 1_000_000
STEPS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["take", "give_back", "release"]), st.integers(0, 400_000))
)


@given(STEPS)
def test_what_is_held_is_the_sum_of_what_requests_hold_and_bounded(
    steps: list[tuple[int, str, int]],
) -> None:
    budget = ReceivedBytes(LIMIT)
    requests = [HeldBytes(budget) for _ in range(10)]
    for number, step, size in steps:
        request = requests[number]
        if step == "take":
            before = request.held
            assert request.take(size) is (request.held == before + size) or size == 0
        elif step == "give_back":
            request.give_back(size)
        else:
            request.release()
        assert budget.held == sum(one.held for one in requests)
        assert min(one.held for one in requests) >= 0
        assert budget.held <= LIMIT + len(requests) * ALWAYS_HELD_BYTES
    for request in requests:
        request.release()
    assert budget.held == 0


def test_a_request_that_has_lost_a_part_takes_no_more() -> None:
    budget = ReceivedBytes(LIMIT)
    hog, late = HeldBytes(budget), HeldBytes(budget)
    assert hog.take(LIMIT)
    assert late.take(ALWAYS_HELD_BYTES)
    assert not late.take(1)
    hog.release()
    assert not late.take(1)
    assert late.is_refused
