"""Estimates quantiles of a histogram like Prometheus' function `histogram_quantile`."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate


def histogram_quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Return the value that `share` (0..1) of the observations do not exceed; None without observations.

    Within a bucket the observations count as evenly spread. A quantile beyond the last finite bound is given
    as that bound.

    Args:
        share: 0.99 for the 99th percentile.
        buckets: cumulative counts by upper bound, +Inf among them.
    """
    bounds = sorted(buckets)
    # Counts of one moment rise with the bound; sums over several may not, by a rounding error.
    counts = list(accumulate((buckets[bound] for bound in bounds), max))
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or counts[-1] <= 0:  # noqa: PLR2004 - one finite, +Inf
        return None
    rank = share * counts[-1]
    index = bisect_left(counts, rank, hi=len(counts) - 1)
    if index == len(bounds) - 1:
        return bounds[-2]
    end, until_end = bounds[index], counts[index]
    if index == 0 and end <= 0:
        return end
    start, until_start = (bounds[index - 1], counts[index - 1]) if index else (0.0, 0.0)
    inside = until_end - until_start
    return start + (end - start) * (rank - until_start) / inside if inside else start
