"""The files that are made from others: rules of the objectives, JSON of the dashboards."""

from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding
from monitoring.grafana.generate import FOLDER as DASHBOARDS
from monitoring.grafana.generate import dashboards
from monitoring.slo.objectives import read_objectives
from monitoring.slo.rules import generate

OBJECTIVES: Final = Path("monitoring/slo.yml")
RULES: Final = Path("monitoring/prometheus/rules/slo.yml")


def files(root: Path) -> dict[Path, str]:
    """Every generated file below `root` and its text.

    Raises:
        ObjectivesError: what the rules are made from is wrong.
    """
    rules = generate(read_objectives(root / OBJECTIVES))
    return {RULES: rules, **dashboards()}


def write(root: Path) -> None:
    """Write every generated file."""
    for path, text in files(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def check(root: Path) -> list[Finding]:
    """What is not as it would be generated now, and dashboards that nothing makes any more."""
    made = files(root)
    findings = []
    for path, text in made.items():
        there = (root / path).read_text("utf-8") if (root / path).exists() else None
        if there != text:
            findings.append(Finding(str(path), "generated", "is out of date: run `make monitoring`"))
    left = {path.relative_to(root) for path in (root / DASHBOARDS).glob("*.json")} - set(made)
    return findings + [Finding(str(path), "generated", "is made by no board: delete it") for path in left]
