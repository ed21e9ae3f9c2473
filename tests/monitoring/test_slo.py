"""Objectives: what cannot be promised is refused with its field; what is promised becomes rules."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring.generated import OBJECTIVES
from monitoring.slo.objectives import BOUNDARIES, SERVICES, Objective, ObjectivesError, read_objectives
from monitoring.slo.rules import generate
from prometheus_client import REGISTRY

import incident_event.rules.metrics  # noqa: F401 - exposes what the objectives look at
from support import ROOT
from support.monitoring.tree import drop, put
from utils.http.request_metrics import BUCKETS

COMMITTED = read_objectives(ROOT / OBJECTIVES)


def changed(tmp_path: Path, change: Callable[[Any], object]) -> Path:
    document = yaml.safe_load((ROOT / OBJECTIVES).read_text("utf-8"))
    change(document)
    path = tmp_path / "slo.yml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


FIRST = ("objectives", 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            put(100, *FIRST, "availability", "objective"),
            r"slo\.yml: Expected `float` < 100.*availability\.objective",
        ),
        (put(0, *FIRST, "availability", "objective"), r"Expected `float` > 0.*availability\.objective"),
        (
            put("high", *FIRST, "availability", "objective"),
            r"Expected `float`, got `str`.*availability\.objective",
        ),
        (
            put(0.3, *FIRST, "latency", "within"),
            r"factory-core\.latency\.within is 0\.3, a boundary .* 0\.25, 0\.5,",
        ),
        (
            put({"objective": 99, "within": 7}, *FIRST, "detection"),
            r"factory-core\.detection\.within is 7, a boundary",
        ),
        (put("core", *FIRST, "service"), r"Invalid enum value 'core'.*service"),
        (put("asset-management", *FIRST, "service"), "every service once, of factory-core, incident-event"),
        (drop(*FIRST), "every service once, of factory-core"),
        (put("7d", "window"), r"Invalid enum value '7d'.*window"),
        (put(1, *FIRST, "availabilty"), "unknown field `availabilty`"),
        (drop(*FIRST, "latency"), "missing required field `latency`"),
        (put([], "objectives"), r"length >= 1.*objectives"),
    ],
)
def test_what_cannot_be_promised_is_refused_with_its_field(
    tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    with pytest.raises(ObjectivesError, match=said):
        read_objectives(changed(tmp_path, change))


def test_a_file_that_is_not_there_or_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ObjectivesError, match=r"nothing\.yml: .*No such file"):
        read_objectives(tmp_path / "nothing.yml")
    (tmp_path / "slo.yml").write_text("objectives: [", "utf-8")
    with pytest.raises(ObjectivesError, match=r"slo\.yml: "):
        read_objectives(tmp_path / "slo.yml")


def test_every_service_promises_availability_and_latency() -> None:
    assert {(one.service, one.kind) for one in COMMITTED} >= {
        (service, kind) for service in SERVICES for kind in ("availability", "latency")
    }


@pytest.mark.parametrize(("percent", "budget"), [(99.9, 0.001), (99, 0.01), (99.5, 0.005), (50, 0.5)])
def test_the_budget_is_what_is_left_of_the_objective(percent: float, budget: float) -> None:
    assert Objective("factory-core", "availability", percent).budget == budget


def test_boundaries_are_those_of_the_histograms() -> None:
    assert (*BOUNDARIES["latency"], math.inf) == BUCKETS
    [detection] = [one for one in REGISTRY.collect() if one.name == "vfactory_detection_latency_seconds"]
    exposed = [sample.labels["le"] for sample in detection.samples if sample.name.endswith("_bucket")]
    assert [float(boundary) for boundary in exposed[:-1]] == list(BOUNDARIES["detection"])


def test_every_objective_becomes_rules_with_its_labels_and_budget() -> None:
    groups = yaml.safe_load(generate(COMMITTED))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    for objective in COMMITTED:
        own = {rule["record"]: rule for rule in rules if rule.get("labels", {}).get("slo") == objective.name}
        assert set(own) == {"slo:error_budget:ratio", "slo:events:rate5m", "slo:errors:rate5m"}
        assert own["slo:error_budget:ratio"]["expr"] == f"vector({objective.budget:g})"
        assert f'job="v-factory-{objective.service}' in own["slo:events:rate5m"]["expr"]
    assert {rule["alert"] for rule in rules if "alert" in rule} == {
        f"VFactory{what}BudgetBurn{pace}" for what in ("Error", "Latency") for pace in ("Fast", "Slow")
    }


def test_another_objective_changes_its_own_rules_only() -> None:
    [first, *others] = COMMITTED
    stricter = Objective(first.service, first.kind, 99.99, first.within)
    before, after = (generate([one, *others]).splitlines() for one in (first, stricter))
    differing = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert differing == [("        expr: vector(0.001)", "        expr: vector(0.0001)")]


def test_the_same_objectives_give_the_same_text() -> None:
    assert generate(COMMITTED) == generate(list(COMMITTED))
