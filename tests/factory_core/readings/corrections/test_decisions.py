from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.factory_core import Quality
from factory_core.readings.corrections.lifecycle import (
    Decision,
    Decisions,
    Outcome,
    Refusal,
    Stored,
    Wanted,
)

START = datetime(2026, 1, 15, tzinfo=UTC)
SOURCES = frozenset({"press-1", "press-2"})
Name = tuple[str, str, datetime]

names = st.tuples(
    st.sampled_from(["press-1", "press-2", "press-9"]),
    st.sampled_from(["force"]),
    st.integers(0, 2).map(lambda second: START + timedelta(seconds=second)),
)
values = st.sampled_from([0.0, -0.0, 1.0, 2.0])
qualities = st.sampled_from(["good", "bad"])
stores = st.dictionaries(
    names.filter(lambda name: name[0] in SOURCES), st.tuples(values, qualities), max_size=6
)
items = st.lists(
    st.builds(
        lambda name, value, quality: Wanted(name[0], name[1], name[2], value, quality, "why"),
        names,
        values,
        st.none() | qualities,
    ),
    max_size=8,
)


def name_of(wanted: Wanted) -> Name:
    return (wanted.source, wanted.metric, wanted.at)


def applied(
    stored: dict[Name, Stored], wanted: list[Wanted], decisions: list[Decision]
) -> dict[Name, Stored]:
    """The readings once what was decided is done."""
    done = {
        name_of(one): decision.now
        for one, decision in zip(wanted, decisions, strict=True)
        if decision.outcome is Outcome.CORRECTED and decision.now is not None
    }
    return stored | done


@given(stores, items)
def test_a_request_sent_again_changes_nothing(stored: dict[Name, Stored], wanted: list[Wanted]) -> None:
    first = Decisions(stored, SOURCES).decide_all(wanted)
    after = applied(stored, wanted, first)
    second = Decisions(after, SOURCES).decide_all(wanted)
    assert Outcome.CORRECTED not in {decision.outcome for decision in second}
    assert [decision.refusal for decision in second] == [decision.refusal for decision in first]


@given(stores, items)
def test_each_reading_is_changed_once_at_most_and_to_what_its_first_item_says(
    stored: dict[Name, Stored], wanted: list[Wanted]
) -> None:
    decisions = Decisions(stored, SOURCES).decide_all(wanted)
    first: dict[Name, Wanted] = {}
    for one in wanted:
        first.setdefault(name_of(one), one)
    changed = [
        name_of(one)
        for one, decision in zip(wanted, decisions, strict=True)
        if decision.outcome is Outcome.CORRECTED
    ]
    assert len(changed) == len(set(changed))
    after = applied(stored, wanted, decisions)
    for name, one in first.items():
        if name in stored:
            assert after[name] == (one.value, one.quality or stored[name][1])
        else:
            assert name not in after


def decide(*wanted: Wanted) -> list[Decision]:
    return Decisions({("press-1", "force", START): (1.0, "uncertain")}, SOURCES).decide_all(wanted)


def want(
    value: float, quality: Quality | None = None, source: str = "press-1", metric: str = "force"
) -> Wanted:
    return Wanted(source, metric, START, value, quality, "why")


def test_a_refusal_says_what_is_unknown() -> None:
    refusals = [one.refusal for one in decide(want(2, source="press-9"), want(2, metric="speed"), want(2))]
    assert refusals == [Refusal.UNKNOWN_SOURCE, Refusal.UNKNOWN_READING, None]


def test_of_two_values_for_one_reading_the_later_is_refused() -> None:
    outcomes = [(one.outcome, one.refusal) for one in decide(want(2), want(3), want(2), want(2, "good"))]
    assert outcomes == [
        (Outcome.CORRECTED, None),
        (Outcome.REJECTED, Refusal.CORRECTED_TWICE),
        (Outcome.UNCHANGED, None),
        (Outcome.REJECTED, Refusal.CORRECTED_TWICE),
    ]


def test_the_quality_stays_unless_it_is_given() -> None:
    assert [one.now for one in decide(want(2))] == [(2, "uncertain")]
    assert [one.now for one in decide(want(1, "bad"))] == [(1, "bad")]
    assert [one.outcome for one in decide(want(1), want(1, "uncertain"))] == [Outcome.UNCHANGED] * 2
