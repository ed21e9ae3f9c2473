"""Comparing known groups with what Alertmanager lists: what differs for long enough, and nothing else."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_event.alertmanager.comparison import Comparison, KnownGroup, Listing
from incident_event.alertmanager.lifecycle import Activity
from incident_event.alertmanager.notification import Alert, Notification
from support.monitoring.alertmanager_payload import START

PATIENCE = timedelta(seconds=60)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def known(key: str, *fingerprints: str, ended: bool = False) -> KnownGroup:
    activities = [Activity(one, START, at(1) if ended else None) for one in fingerprints]
    return KnownGroup(key, not ended, activities)


def told(key: str, *fingerprints: str) -> Notification:
    alerts = [Alert(one, START, None, {}, {}) for one in fingerprints]
    return Notification(key, "incident-event", is_firing=True, alerts=alerts, left_out=0, alertmanager_url="")


def listing(*groups: Notification, others: tuple[str, ...] = (), is_settled: bool = True) -> Listing:
    listed = {alert.fingerprint for group in groups for alert in group.alerts}
    return Listing(is_settled, frozenset({*listed, *others}), groups)


def test_a_group_that_no_list_has_ends_after_the_patience_and_since_it_was_first_missed() -> None:
    comparison = Comparison(PATIENCE)
    assert comparison.differences([known("g", "a")], listing(), at(0)).ended == {}
    assert comparison.differences([known("g", "a")], listing(), at(59)).ended == {}
    assert comparison.differences([known("g", "a")], listing(), at(60)).ended == {"g": at(0)}


def test_one_alert_that_is_listed_keeps_its_group() -> None:
    comparison = Comparison(PATIENCE)
    for second in (0, 60, 120):
        listed = listing(others=("b",))  # silenced or inhibited counts as well
        assert comparison.differences([known("g", "a", "b")], listed, at(second)).ended == {}


def test_a_group_that_comes_back_is_missed_anew() -> None:
    comparison = Comparison(PATIENCE)
    comparison.differences([known("g", "a")], listing(), at(0))
    comparison.differences([known("g", "a")], listing(others=("a",)), at(30))
    assert comparison.differences([known("g", "a")], listing(), at(60)).ended == {}
    assert comparison.differences([known("g", "a")], listing(), at(120)).ended == {"g": at(60)}


def test_a_list_that_is_not_settled_misses_nothing() -> None:
    comparison = Comparison(PATIENCE)
    for second in (0, 60, 120):
        unsettled = listing(is_settled=False)
        assert comparison.differences([known("g", "a")], unsettled, at(second)).ended == {}


def test_what_was_forgotten_is_missed_anew() -> None:
    comparison = Comparison(PATIENCE)
    comparison.differences([known("g", "a")], listing(), at(0))
    comparison.forget()
    assert comparison.differences([known("g", "a")], listing(), at(60)).ended == {}


def test_what_is_over_already_is_not_ended_again() -> None:
    comparison = Comparison(PATIENCE)
    for second in (0, 60, 120):
        assert comparison.differences([known("g", "a", ended=True)], listing(), at(second)).ended == {}


def test_a_group_that_no_notification_told_of_is_untold_after_the_patience() -> None:
    comparison = Comparison(PATIENCE)
    group = told("reconciled:{}", "a")
    assert comparison.differences([], listing(group), at(0)).untold == []
    assert comparison.differences([], listing(group), at(60)).untold == [group]
    assert comparison.differences([known("g", "a")], listing(group), at(61)).untold == []
    over = known("g", "a", ended=True)
    assert comparison.differences([over], listing(group), at(62)).untold == []
    assert comparison.differences([over], listing(group), at(122)).untold == [group]


names = st.sampled_from("abcd")


@given(
    groups=st.dictionaries(st.sampled_from("xyz"), st.frozensets(names, min_size=1), max_size=3),
    listed=st.frozensets(names),
    is_settled=st.booleans(),
)
def test_exactly_the_groups_of_which_nothing_is_listed_end(
    groups: dict[str, frozenset[str]], listed: frozenset[str], *, is_settled: bool
) -> None:
    comparison = Comparison(PATIENCE)
    all_known = [known(key, *fingerprints) for key, fingerprints in groups.items()]
    for second in (0, 60):
        found = comparison.differences(
            all_known, listing(others=tuple(listed), is_settled=is_settled), at(second)
        )
    wanted = {key for key, fingerprints in groups.items() if is_settled and not fingerprints & listed}
    assert found.ended.keys() == wanted
