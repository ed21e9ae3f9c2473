"""The recordings of SKAB, folded as a rule would see them (https://github.com/waico/SKAB)."""

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from incident_event.rules.kinds.threshold import Operator, Threshold
from incident_event.rules.window import Bound
from support.plant.in_order import OneRule

DIRECTORY = os.environ.get("VFACTORY_SKAB_DIR")
pytestmark = pytest.mark.skipif(not DIRECTORY, reason="VFACTORY_SKAB_DIR names no recordings")

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FLOW, SHAKE = "Volume Flow RateRMS", "Accelerometer1RMS"


def recorded(name: str, metric: str) -> tuple[list[int], list[float]]:
    with (Path(DIRECTORY or "") / f"{name}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    moments = [datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC) for row in rows]
    return [(moment - EPOCH) // timedelta(microseconds=1) for moment in moments], [
        float(r[metric]) for r in rows
    ]


def clock(microseconds: int | None) -> str | None:
    return None if microseconds is None else f"{EPOCH + timedelta(microseconds=microseconds):%H:%M:%S}"


def watched(
    name: str, metric: str, threshold: Threshold, batch: int = 100
) -> tuple[int, list[tuple[str | None, str | None]]]:
    times, values = recorded(name, metric)
    rule, evaluated = OneRule(threshold, Bound(60 * SECOND)), 0
    episodes: list[tuple[str | None, str | None]] = []
    for start in range(0, len(times), batch):
        part = slice(start, start + batch)
        outcome = rule.accept(times[part], values[part], clock=times[-1] + SECOND)
        evaluated += outcome.evaluated
        if outcome.ended_at is not None:
            episodes[-1] = (episodes[-1][0], clock(outcome.ended_at))
        episodes += [(clock(one.activated_at), clock(one.cleared_at)) for one in outcome.raised]
    return evaluated, episodes


@pytest.mark.parametrize("batch", [1, 7, 100, 10_000])
def test_other_5_shakes_once(batch: int) -> None:
    rule = Threshold(Operator.ABOVE, 0.5, 5 * SECOND)
    _, episodes = watched("other-5", SHAKE, rule, batch)
    assert [began for began, _ in episodes] == ["16:16:53"]
    assert "16:23:57" < str(episodes[0][1]) < "16:24:10"


def test_valve1_0_loses_flow_once_6_s_into_the_anomaly() -> None:
    rule = Threshold(Operator.BELOW, 31.5, 5 * SECOND)
    assert [began for began, _ in watched("valve1-0", FLOW, rule)[1]] == ["10:24:39"]


def test_valve1_0_without_on_delay_would_fire_516_s_early() -> None:
    assert watched("valve1-0", FLOW, Threshold(Operator.BELOW, 31.5))[1][0][0] == "10:15:57"


def test_other_1_needs_its_deadband() -> None:
    with_deadband = Threshold(Operator.BELOW, 74.5, 5 * SECOND, deadband=1.0)
    without = Threshold(Operator.BELOW, 74.5, 5 * SECOND)
    assert [began for began, _ in watched("other-1", FLOW, with_deadband)[1]] == ["15:54:54"]
    assert len(watched("other-1", FLOW, without)[1]) == 11


def test_anomaly_free_is_evaluated_in_full_and_stays_silent() -> None:
    recording = "anomaly-free-anomaly-free"
    assert watched(recording, SHAKE, Threshold(Operator.ABOVE, 0.5, 5 * SECOND)) == (9405, [])
    assert watched(recording, SHAKE, Threshold(Operator.ABOVE, 0.2, 5 * SECOND))[1]
