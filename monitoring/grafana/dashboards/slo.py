"""Objectives and error budgets, as declared in monitoring/slo.yml."""

from pathlib import Path

from monitoring.grafana.board import Board, Panel, Query, Row, query
from monitoring.slo.objectives import Objective, read_objectives

NO_TRAFFIC = "there is no traffic"
CHOSEN = 'service=~"$service"'


def heading(objective: Objective) -> str:
    """What is promised, in words."""
    what = {
        "availability": "of the requests succeed",
        "latency": f"of the requests are answered within {objective.within:g} s" if objective.within else "",
        "detection": f"of the incidents are there {objective.within:g} s after their reading"
        if objective.within
        else "",
    }[objective.kind]
    return f"{objective.service}: {objective.percent:g} % {what}"


def panels(objective: Objective) -> tuple[Panel, ...]:
    """One objective: how much of its budget is left, and how fast it goes."""
    chosen = f'slo="{objective.name}", {CHOSEN}'
    what = "Error" if objective.kind == "availability" else "Latency"
    runbooks = (f"VFactory{what}BudgetBurnFast", f"VFactory{what}BudgetBurnSlow")
    return (
        Panel(
            f"Budget left: {objective.name}",
            "Share of the month's error budget that is left; below 0 the promise is broken.",
            "percentunit",
            query(f"slo:error_budget_remaining:ratio{{{chosen}}}", "left"),
            kind="stat",
            width=4,
            height=6,
            runbooks=runbooks,
            empty=NO_TRAFFIC,
        ),
        Panel(
            f"Bad events: {objective.name}",
            f"Share of bad events over five minutes and an hour; {objective.budget:.3g} is what the budget allows.",
            "percentunit",
            (
                Query(f"slo:error_ratio:rate5m{{{chosen}}}", "5 minutes"),
                Query(f"slo:error_ratio:rate1h{{{chosen}}}", "1 hour"),
            ),
            width=10,
            height=6,
            thresholds=((objective.budget, "orange"), (14.4 * objective.budget, "red")),
            runbooks=runbooks,
            empty=NO_TRAFFIC,
        ),
        Panel(
            f"Burn rate: {objective.name}",
            "How many times faster than allowed the budget goes. 14.4 over an hour or 6 over six wakes somebody.",
            "short",
            (
                Query(f"slo:error_ratio:rate1h{{{chosen}}} / slo:error_budget:ratio{{{chosen}}}", "1 hour"),
                Query(f"slo:error_ratio:rate6h{{{chosen}}} / slo:error_budget:ratio{{{chosen}}}", "6 hours"),
                Query(f"slo:error_ratio:rate3d{{{chosen}}} / slo:error_budget:ratio{{{chosen}}}", "3 days"),
            ),
            width=10,
            height=6,
            thresholds=((6, "orange"), (14.4, "red")),
            runbooks=runbooks,
            empty=NO_TRAFFIC,
        ),
    )


OBJECTIVES = read_objectives(Path(__file__).resolve().parents[2] / "slo.yml")

BOARD = Board(
    uid="vfactory-slo",
    title="V-Factory / Objectives and error budget",
    description="What is promised (monitoring/slo.yml), how much of the error budget is left and how fast it goes.",
    rows=tuple(Row(heading(objective), panels(objective)) for objective in OBJECTIVES),
)
