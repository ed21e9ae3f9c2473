"""Reads a process' /metrics, and computes the increases of counters between scrapes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
Series = Mapping[Labels, float]

NOTHING: Series = {}
STARTED = "process_start_time_seconds"


@dataclass(frozen=True)
class Scrape:
    """The samples of one process at one moment.

    Args:
        at: that moment, in seconds of a monotonic clock.
        samples: the series of each sample name.
    """

    at: float
    samples: Mapping[str, Series]

    def series(self, name: str) -> Series:
        """Return all samples of one name; empty if there are none."""
        return self.samples.get(name, NOTHING)

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum over the series of one name with these labels; None if there are none."""
        chosen = [
            value for found, value in self.series(name).items() if labels.items() <= dict(found).items()
        ]
        return sum(chosen) if chosen else None


def parse(text: str, names: Collection[str], at: float) -> Scrape:
    """Return the samples called `names` of a text in Prometheus' format.

    Raises:
        ValueError: the text is not in this format, or has no sample of these names.
    """
    beginnings = tuple(names)  # the parser is slow, and most lines have other names
    lines = "".join(line for line in text.splitlines(keepends=True) if line.startswith(beginnings))
    samples: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(lines):
        for sample in family.samples:
            if sample.name in names:
                samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    if not samples:
        raise ValueError("none of the expected names")
    return Scrape(at, samples)


def increases(scrapes: Sequence[Scrape], name: str) -> Series | None:
    """Return the increase of each series of a counter from the first scrape to the last, across restarts.

    None if it is unknown: there is only one scrape, or the process has no such counter.
    """
    if len(scrapes) < 2 or not scrapes[-1].series(name):  # noqa: PLR2004 - one scrape is no increase
        return None
    grown = dict.fromkeys(scrapes[-1].series(name), 0.0)
    for before, after in pairwise(scrapes):
        begun = NOTHING if _restarted(before, after) else before.series(name)
        for labels, value in after.series(name).items():
            # A series that is new, or lower than before, has started at 0 in between.
            earlier = begun.get(labels, 0.0)
            grown[labels] = grown.get(labels, 0.0) + (value - earlier if value >= earlier else value)
    return grown


def _restarted(before: Scrape, after: Scrape) -> bool:
    return before.series(STARTED) != after.series(STARTED)
