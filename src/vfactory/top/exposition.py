"""Reads what a process tells in /metrics, and how much it counted between two readings of it."""

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
        at: that moment, in seconds of a clock that only goes forward.
        samples: value by labels, by the sample's name.
    """

    at: float
    samples: Mapping[str, Series]

    def series(self, name: str) -> Series:
        """All samples of one name; empty when the process tells none."""
        return self.samples.get(name, NOTHING)

    def total(self, name: str, **labels: str) -> float | None:
        """The sum over the series of one name that have these labels; None when there is none."""
        chosen = [
            value for found, value in self.series(name).items() if labels.items() <= dict(found).items()
        ]
        return sum(chosen) if chosen else None


def parse(text: str, names: Collection[str], at: float) -> Scrape:
    """Read Prometheus' text format, of which only the samples called `names` are kept.

    Raises:
        ValueError: it is no such text, or tells none of these names.
    """
    beginnings = tuple(names)  # the parser is slow, and most lines are for others
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
    """How much each series of a counter grew from the first scrape to the last, through restarts.

    None when nothing can be said: before the second scrape, or when the process tells no such counter.
    """
    if len(scrapes) < 2 or not scrapes[-1].series(name):  # noqa: PLR2004 - one scrape is no increase
        return None
    grown = dict.fromkeys(scrapes[-1].series(name), 0.0)
    for before, after in pairwise(scrapes):
        begun = NOTHING if _restarted(before, after) else before.series(name)
        for labels, value in after.series(name).items():
            # A series that was not there, or counts less than before, has begun at 0 meanwhile.
            earlier = begun.get(labels, 0.0)
            grown[labels] = grown.get(labels, 0.0) + (value - earlier if value >= earlier else value)
    return grown


def _restarted(before: Scrape, after: Scrape) -> bool:
    return before.series(STARTED) != after.series(STARTED)
