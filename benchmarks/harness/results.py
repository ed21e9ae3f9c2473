"""A goal, what was measured against it, and how both are shown and stored."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from benchmarks.harness.measuring import Samples


@dataclass(frozen=True)
class Result:
    """One row of `benchmarks/results.json`."""

    goal: str
    name: str
    unit: str
    ours: float
    baseline: float | None
    limit: float | None
    ratio: float | None
    target: float
    met: bool


@dataclass(frozen=True)
class Goal:
    """What PERFORMANCE says must be reached.

    Attributes:
        goal: its number there, such as `P4`.
        name: what is compared with what.
        unit: of `ours`, `baseline` and `limit`.
        target: of the ratio ours / baseline; without a baseline, of ours itself, in `unit`.
        met_when: on which side of the target we must be.
    """

    goal: str
    name: str
    unit: str
    target: float
    met_when: Literal["at most", "at least"]

    def judge(self, ours: Samples, baseline: Samples | None = None, limit: Samples | None = None) -> Result:
        """Print the comparison and return its row."""
        ratio = None if baseline is None else ours.median / baseline.median
        compared = ours.median if ratio is None else ratio
        met = compared <= self.target if self.met_when == "at most" else compared >= self.target
        result = Result(
            goal=self.goal,
            name=self.name,
            unit=self.unit,
            ours=ours.median,
            baseline=None if baseline is None else baseline.median,
            limit=None if limit is None else limit.median,
            ratio=ratio,
            target=self.target,
            met=met,
        )
        self._print(result, ours, baseline, limit)
        return result

    def _print(self, result: Result, ours: Samples, baseline: Samples | None, limit: Samples | None) -> None:
        print(f"{self.goal} {self.name} [{self.unit}]")
        for word, samples in (("ours", ours), ("baseline", baseline), ("limit", limit)):
            if samples is not None:
                print(f"   {word:<8} {samples}")
        figure = (
            f"ratio {result.ratio:.3f}" if result.ratio is not None else f"{result.ours:,.4g} {self.unit}"
        )
        verdict = "met" if result.met else "NOT MET"
        print(f"   {figure}, wanted {self.met_when} {self.target:g}: {verdict}", flush=True)


def store(results: Sequence[Result], file: Path) -> None:
    """Write the rows as a JSON list."""
    rows = [asdict(result) for result in results]
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "utf-8")


def load(file: Path) -> list[Result]:
    """Read the rows back."""
    return [Result(**row) for row in json.loads(file.read_text("utf-8"))]
