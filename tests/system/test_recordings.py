"""Real recordings through the whole plant: SKAB's where `VFACTORY_SKAB_DIR` names them, ours always."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support import ROOT
from support.plant.stack import Background, Stack, run_stack
from support.waiting import wait_for

SKAB = os.environ.get("VFACTORY_SKAB_DIR")
EXAMPLE = str(ROOT / "examples" / "pump-test-bench.csv")
needs_skab = pytest.mark.skipif(SKAB is None, reason="VFACTORY_SKAB_DIR does not name SKAB's recordings")
FLOW = "Volume Flow RateRMS"
SHAKE = "Accelerometer1RMS"
LABELS = ("anomaly", "changepoint", "fault")


@pytest.fixture(scope="module")
def stack(copy_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with run_stack(copy_home(tmp_path_factory.mktemp("stack") / "home")) as stack:
        stack.run("factories", "add", "Bench", code=0)
        yield stack


@dataclass(frozen=True)
class Watch:
    """A rule on one recording, and what is in the recording."""

    file: str
    metric: str
    limit: tuple[str, str]
    rows: int
    activation: str | None
    cleared: str | None = None
    deadband: str = "0"


WATCHES = {
    "rotor imbalance": Watch(
        "other-5.csv", SHAKE, ("--above", "0.5"), 1155, "2020-02-08T16:16:53Z", "2020-02-08T16:23:58Z"
    ),
    "closed valve": Watch(
        "valve1-0.csv", FLOW, ("--below", "31.5"), 1147, "2020-03-09T10:24:39Z", "2020-03-09T10:24:40Z"
    ),
    "fluid leak": Watch(
        "other-1.csv", FLOW, ("--below", "74.5"), 745, "2020-03-01T15:54:54Z", deadband="1.0"
    ),
    "normal running": Watch("anomaly-free-anomaly-free.csv", SHAKE, ("--above", "0.5"), 9405, None),
}


@needs_skab
@pytest.mark.parametrize("what", WATCHES)
def test_a_client_on_the_stream_gets_exactly_what_is_in_the_recording(stack: Stack, what: str) -> None:
    watch, tag = WATCHES[what], what.replace(" ", "-")
    rule = add_rule(stack, tag, watch.metric, watch.limit, watch.deadband)
    with listening(stack) as stream:
        summary = replay(stack, skab(watch.file), tag)
        wait_until_evaluated(stack, rule, watch.rows)
        told = heard(stack, stream, rule)

    assert (summary["rows"], summary["readings"]) == (watch.rows, watch.rows * 8)
    assert (summary["accepted"], summary["rejected"], summary["unreadable"]) == (watch.rows * 8, 0, 0)
    expected = [("incident.reported.v1", watch.activation), ("incident.condition_cleared.v1", watch.cleared)]
    assert told == [event for event in expected if event[1] is not None]
    incidents = [i for i in listed(stack) if i["rule_id"] == rule]
    assert [(i["occurred_at"], i["occurrences"]) for i in incidents] == (
        [] if watch.activation is None else [(watch.activation, 1)]
    )
    if incidents:
        work(stack, incidents[0]["id"])


@needs_skab
def test_without_a_deadband_a_flickering_condition_is_one_incident_that_recurs(stack: Stack) -> None:
    rule = add_rule(stack, "leak-flickering", FLOW, ("--below", "74.5"), "0")
    replay(stack, skab("other-1.csv"), "leak-flickering")
    wait_until_evaluated(stack, rule, 745)

    assert [i["occurrences"] for i in listed(stack) if i["rule_id"] == rule] == [11]


@needs_skab
def test_normal_running_fires_a_rule_with_a_lower_limit(stack: Stack) -> None:
    rule = add_rule(stack, "normal-low", SHAKE, ("--above", "0.2"), "0")
    replay(stack, skab("anomaly-free-anomaly-free.csv"), "normal-low")
    wait_until_evaluated(stack, rule, 9405)

    assert [i["occurred_at"] for i in listed(stack) if i["rule_id"] == rule] == ["2020-02-08T13:30:52Z"]


@needs_skab
def test_every_recording_of_skab_replays_as_it_is(stack: Stack) -> None:
    files = sorted(Path(str(SKAB)).glob("*.csv"))
    assert files
    for file in files:
        rows = len(file.read_text().splitlines()) - 1
        summary = replay(stack, file, f"as-is-{file.stem}", create=True)
        assert (summary["rows"], summary["accepted"], summary["unreadable"]) == (rows, rows * 8, 0), file


def test_a_second_run_stores_nothing_and_raises_nothing(stack: Stack) -> None:
    rule = add_rule(stack, "twice", SHAKE, ("--above", "0.5"), "0")
    first = replay(stack, EXAMPLE, "twice")
    wait_until_evaluated(stack, rule, 1200)
    second = replay(stack, EXAMPLE, "twice")
    time.sleep(1)

    assert (first["accepted"], first["duplicates"]) == (9600, 0)
    assert (second["accepted"], second["duplicates"]) == (0, 9600)
    assert evaluated(stack, rule) == 1200
    assert [i["occurrences"] for i in listed(stack) if i["rule_id"] == rule] == [1]


def test_an_interrupted_replay_goes_on_where_it_stopped(stack: Stack) -> None:
    stack.run("equipment", "add", "interrupted", code=0)
    arguments = ("replay", EXAMPLE, "--equipment", "interrupted", "--exclude", "fault")
    with stack.background(*arguments, "--json", "--speed", "100") as running:
        state = stack.home / "replay"
        wait_for(lambda: any(_rows_sent(file) > 50 for file in state.glob("*.json")), "rows are sent")
        assert running.interrupt() == 130
        stopped = json.loads(running.out.read_text())
    rest = stack.json(*arguments)

    assert stopped["complete"] is False
    assert rest["complete"] is True
    assert 0 < stopped["rows"] < 1200
    assert rest["rows_already_sent"] == stopped["rows"]
    assert stopped["rows"] + rest["rows"] == 1200
    # The batch under way at Ctrl-C may be stored without its answer having been counted.
    assert stopped["accepted"] + rest["accepted"] + rest["duplicates"] == 9600
    assert rest["duplicates"] <= 10 * 8
    assert list(state.glob("*.json")) == []


@pytest.mark.parametrize("speed", ["max", "600"])
def test_a_recording_moved_to_now_ends_now_and_is_refused_nothing(stack: Stack, speed: str) -> None:
    tag = f"new-{speed}"
    first = replay(stack, EXAMPLE, tag, "--as-new", "--speed", speed, create=True)
    again = replay(stack, EXAMPLE, tag, "--as-new", create=True)

    assert (first["accepted"], again["accepted"]) == (9600, 9600)
    assert first["rejected"] == again["rejected"] == 0
    assert first["last_at"] > "2026-01-15T11"


def test_a_typing_error_is_told_before_anything_is_sent(stack: Stack) -> None:
    missing = stack.run("replay", EXAMPLE, "--equipment", "pmup-1", code=1)
    assert "vfactory equipment add pmup-1" in missing.stderr
    rule = stack.run("rules", "add", "--equipment", "pmup-1", "--metric", SHAKE, "--above", "1", code=1)
    assert "no equipment with the tag 'pmup-1'" in rule.stderr
    assert stack.run("incidents", "list", "--factory", "Bnech", code=1).stderr.startswith(
        "vfactory: there is no factory"
    )
    assert "severity" in stack.run("incidents", "report", "Smoke", "--severity", "9", code=1).stderr


def test_a_plant_that_is_not_there_has_an_exit_code_of_its_own(stack: Stack) -> None:
    elsewhere = Stack(stack.home, VFACTORY_URL="http://127.0.0.1:1", VFACTORY_TOKEN="t")
    done = elsewhere.run("factories", "list", code=3)

    assert "cannot reach factory-core at http://127.0.0.1:1" in done.stderr


def skab(name: str) -> Path:
    return Path(str(SKAB)) / name


def add_rule(stack: Stack, tag: str, metric: str, limit: tuple[str, str], deadband: str) -> str:
    stack.run("equipment", "add", tag, code=0)
    condition = ("--metric", metric, *limit, "--for", "5", "--deadband", deadband)
    rule = stack.json("rules", "add", "--equipment", tag, *condition)
    return str(rule["id"])


def replay(stack: Stack, file: str | Path, tag: str, *options: str, create: bool = False) -> Any:
    with (ROOT / file).open() as recording:
        columns = recording.readline().strip().split(";")
    labels = [argument for name in LABELS if name in columns for argument in ("--exclude", name)]
    flags = ["--create"] if create else []
    return stack.json("replay", str(file), "--equipment", tag, *labels, *options, *flags)


@contextmanager
def listening(stack: Stack) -> Iterator[Background]:
    with stack.background("events", "-f", "--json") as stream:
        wait_for(partial(stream.has_said, "listening"), "the stream is open")
        yield stream


def heard(stack: Stack, stream: Background, rule: str) -> list[tuple[str, str]]:
    """What the stream said about a rule's incidents until a report made now came by."""
    marker = stack.json("incidents", "report", f"all told {rule}")["id"]
    wait_for(lambda: marker in stream.out.read_text(), "the marker has come by")
    events = [json.loads(line) for line in stream.lines]
    seqs = [event["seq"] for event in events]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    payloads = [(event["type"], event["payload"]) for event in events if event["type"] != "rule.created.v1"]
    return [(t, p.get("occurred_at") or p.get("cleared_at")) for t, p in payloads if p.get("rule_id") == rule]


def wait_until_evaluated(stack: Stack, rule: str, readings: int) -> None:
    wait_for(lambda: evaluated(stack, rule) >= readings, f"{readings} readings are evaluated")
    assert evaluated(stack, rule) == readings


def evaluated(stack: Stack, rule: str) -> int:
    return int(stack.json("rules", "show", rule)["state"]["evaluated_readings"])


def listed(stack: Stack) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = stack.json("incidents", "list", "--limit", "1000")["items"]
    return items


def work(stack: Stack, incident: str) -> None:
    assert stack.json("incidents", "ack", incident)["status"] == "acknowledged"
    resolved = stack.json("incidents", "resolve", incident, "--reason", "Seen to")
    assert resolved["status"] == "resolved"
    again = stack.run("incidents", "resolve", incident, code=1)
    assert "the incident is resolved; nothing can be done with it any more" in again.stderr


def _rows_sent(file: Path) -> int:
    try:
        return int(json.loads(file.read_text())["rows"])
    except FileNotFoundError:
        return 0
