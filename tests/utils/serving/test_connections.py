"""The table of connections: who makes room for whom, over any order of events."""

from hypothesis import given
from hypothesis import strategies as st

from utils.serving.connections import RESERVED, Connections

LIMIT = 5
STEPS = st.lists(st.tuples(st.sampled_from(["add", "busy", "idle", "remove"]), st.integers(0, 60)))


class Cut:
    """A connection that closes when it is cut."""

    def __init__(self, table: Connections) -> None:
        self.table = table
        self.reasons: list[str] = []
        self.is_busy = False

    def cut(self, reason: str) -> None:
        self.reasons.append(reason)
        self.table.remove(self)


@given(STEPS)
def test_there_are_never_more_than_the_limit_and_the_reserve(steps: list[tuple[str, int]]) -> None:
    table = Connections(LIMIT)
    made: list[Cut] = []
    for step, number in steps * 3:
        if step == "add":
            made.append(Cut(table))
            table.add(made[-1])
        elif made:
            one = made[number % len(made)]
            if not one.reasons:
                getattr(table, step)(one)
                one.is_busy = step == "busy"
        assert len(table) <= LIMIT + RESERVED
    assert all(len(one.reasons) <= 1 for one in made)
    assert not any(one.is_busy and "idle_replaced" in one.reasons for one in made)


def test_the_one_idle_longest_makes_room() -> None:
    table = Connections(2)
    first, second, third, fourth = (Cut(table) for _ in range(4))
    for one in (first, second):
        table.add(one)
    table.busy(first)
    table.idle(first)
    table.add(third)
    assert [one.reasons for one in (first, second, third)] == [[], ["idle_replaced"], []]
    table.busy(first)
    table.busy(third)
    table.add(fourth)
    assert table.is_crowded
    assert [one.reasons for one in (first, third, fourth)] == [[], [], []]
