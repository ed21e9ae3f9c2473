import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfactory.top.quantile import histogram_quantile

INF = math.inf
# What Prometheus 2.42 answers for series with these values, asked with promtool.
KNOWN = [
    (0.5, {0.1: 10.0, 0.5: 20.0, INF: 20.0}, 0.1),
    (0.75, {0.1: 10.0, 0.5: 20.0, INF: 20.0}, 0.3),
    (0.99, {0.1: 10.0, 0.5: 20.0, INF: 20.0}, 0.492),
    (0.99, {0.1: 10.0, 0.5: 20.0, INF: 30.0}, 0.5),
    (0.25, {0.1: 10.0, 0.5: 20.0, INF: 20.0}, 0.05),
    (0.5, {0.0: 10.0, 0.5: 12.0, INF: 12.0}, 0.0),
    (1.0, {0.1: 10.0, 0.5: 10.0, INF: 10.0}, 0.1),
]


@pytest.mark.parametrize(("share", "buckets", "value"), KNOWN)
def test_it_is_what_prometheus_says(share: float, buckets: dict[float, float], value: float) -> None:
    assert histogram_quantile(share, buckets) == pytest.approx(value)


@pytest.mark.parametrize("buckets", [{}, {INF: 3.0}, {0.1: 1.0, 0.5: 2.0}, {0.1: 0.0, INF: 0.0}])
def test_without_observations_or_bounds_there_is_none(buckets: dict[float, float]) -> None:
    assert histogram_quantile(0.99, buckets) is None


bounds = st.lists(st.floats(0.001, 100), min_size=1, max_size=8, unique=True).map(sorted)
counts = st.lists(st.integers(0, 1000), min_size=9, max_size=9)


def cumulated(bounds: list[float], counts: list[int]) -> dict[float, float]:
    every = [*bounds, INF]
    return {bound: float(sum(counts[: index + 1])) for index, bound in enumerate(every)}


@given(bounds, counts, st.floats(0, 1), st.floats(0, 1))
def test_it_rises_with_the_share_and_stays_within_the_bounds(
    bounds: list[float], counts: list[int], one: float, other: float
) -> None:
    buckets = cumulated(bounds, counts)
    low, high = (histogram_quantile(share, buckets) for share in sorted((one, other)))
    if buckets[INF] == 0:
        assert low is None
        assert high is None
    else:
        assert low is not None
        assert high is not None
        assert 0 <= low <= high + 1e-9
        assert high <= bounds[-1]


@given(bounds, counts, st.floats(0.001, 1))
def test_so_many_observations_lie_below_it_as_was_asked_for(
    bounds: list[float], counts: list[int], share: float
) -> None:
    buckets = cumulated(bounds, counts)
    value = histogram_quantile(share, buckets)
    if value is None:
        return
    rank = share * buckets[INF]
    below = max((buckets[bound] for bound in bounds if bound < value - 1e-9), default=0.0)
    assert below <= rank + 1e-6
    if value < bounds[-1] - 1e-9:
        assert min(buckets[bound] for bound in [*bounds, INF] if bound >= value - 1e-9) >= rank - 1e-6


def test_counts_that_fall_by_a_rounding_error_count_as_level() -> None:
    assert histogram_quantile(1.0, {0.1: 10.0, 0.5: 10.0 - 1e-12, INF: 10.0}) == 0.1
