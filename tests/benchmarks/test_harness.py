"""The benchmarks run in clean processes and leave their rows behind."""

import json
import subprocess
import sys
from pathlib import Path

from support import ROOT

ROW = ["goal", "name", "unit", "ours", "baseline", "limit", "ratio", "target", "met"]
JUDGE = """
from benchmarks.harness import Goal, Options, Samples, interleave
import json, dataclasses
order = []
def subject(name, figures):
    def measure():
        order.append(name)
        return next(figures)
    return measure
figures = {"a": [9, 1, 5, 3, 2, 8, 9, 9], "b": [2.0] * 8}
samples = interleave({name: subject(name, iter(values)) for name, values in figures.items()}, Options())
lower = Goal("P0", "lower", "s", 3.0, "at most").judge(samples["a"], samples["b"])
higher = Goal("P0", "higher", "s", 3.0, "at least").judge(samples["a"], samples["b"], samples["b"])
alone = Goal("P0", "alone", "s", 6.0, "at most").judge(samples["a"])
print(json.dumps([order, *(dataclasses.asdict(result) for result in (lower, higher, alone))]))
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_goal_compares_medians_of_interleaved_rounds_after_a_warm_up() -> None:
    order, lower, higher, alone = json.loads(python("-c", JUDGE).stdout.splitlines()[-1])
    assert len(order) == 16
    assert {tuple(order[at : at + 2]) for at in range(0, 16, 2)} == {("a", "b"), ("b", "a")}
    assert (lower["ours"], lower["baseline"], lower["ratio"], lower["met"]) == (5, 2.0, 2.5, True)
    assert (higher["limit"], higher["met"]) == (2.0, False)
    assert (alone["baseline"], alone["ratio"], alone["met"]) == (None, None, True)


def test_a_benchmark_writes_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = python("-m", "benchmarks.harness", "logging", "--quick", "--results", str(file))
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())
    assert [list(row) for row in rows] == [ROW, ROW]
    assert {row["goal"] for row in rows} == {"P4"}
    assert all(row["ratio"] == row["ours"] / row["baseline"] for row in rows)


def test_an_unknown_benchmark_is_named_with_those_there_are() -> None:
    done = python("-m", "benchmarks", "--only", "bogus")
    assert done.returncode == 2
    assert "no benchmark bogus; there are" in done.stderr
    assert "logging" in done.stderr
