"""A rolling update with the deployment's own numbers, behind a real proxy and under load, goes unnoticed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.rolling.load import Accepted
from deploy.rolling.manifests import BASE, ManifestError, read_deployments
from deploy.rolling.rollout import Ending
from deploy.rolling.screens import Screen, flaws_of
from deploy.rolling.verdict import Verdict

from plant_client import Plant
from support import ROOT

SCREENS = 6
# A cluster so slow that requests still come two seconds after SIGTERM: preStop alone would not be enough.
LATE = 2.0
# Nobody waits twenty seconds here before the first probe of a process that is ready after two.
WITHOUT_WAITING = ("--probe-delay", "0", "--probe-period", "0.5")


def play(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "deploy.rolling", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "replicas",
    [
        pytest.param(1, marks=pytest.mark.serial, id="one pod each"),
        pytest.param(2, marks=pytest.mark.prove, id="as many pods as deployed"),
    ],
)
def test_nothing_fails_and_nothing_is_lost_while_every_pod_is_replaced_under_load(replicas: int) -> None:
    deployments = read_deployments()
    propagation = max(one.pre_stop_seconds for one in deployments) + LATE
    size = ("--screens", str(SCREENS), "--replicas", str(replicas))
    done = play("--json", *size, "--propagation", str(propagation), *WITHOUT_WAITING)
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["problems"] == []
    assert done.returncode == 0
    assert {one.replicas for one in deployments} == {2}
    assert len(told["pods"]) == replicas * len(deployments)
    drain = {float(one.variables["DRAIN_SECONDS"]) for one in deployments}
    assert all(pod["seconds"] >= min(drain) for pod in told["pods"]), "an old pod did not drain"
    assert set(told["requests"]) == {
        "report",
        "send_readings",
        "list_incidents",
        "list_equipment",
        "upload",
        "upload_slowly",
        "download",
    }
    assert sum(kind["sent"] for kind in told["requests"].values()) > 500
    streams = told["streams"]
    assert len(streams["connections"]) == SCREENS
    assert all(count >= 2 for count in streams["connections"]), "a stream outlived every pod it could be on"
    assert streams["events"] > 100
    assert set(told["proxy"].values()) == {0}


def test_what_the_update_consists_of_is_read_from_the_manifests() -> None:
    manifests = [
        document
        for file in BASE.glob("*.yaml")
        for document in yaml.safe_load_all(file.read_text())
        if document and document["kind"] == "Deployment"
    ]
    read = {one.name: one for one in read_deployments()}
    assert set(read) == {document["metadata"]["name"] for document in manifests}
    for document in manifests:
        one = read[document["metadata"]["name"]]
        pod = document["spec"]["template"]["spec"]
        assert one.grace_seconds == pod["terminationGracePeriodSeconds"]
        assert one.pre_stop_seconds == pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        needed = one.pre_stop_seconds + sum(
            float(one.variables[name]) for name in ("DRAIN_SECONDS", "SHUTDOWN_SECONDS")
        )
        assert needed < one.grace_seconds, "a pod would be killed before its own deadline"


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("preStop:", "postStart:", "Deployment factory-core says nothing about preStop"),
        ("maxUnavailable: 0", "maxUnavailable: 1", "maxSurge 1 and maxUnavailable 0"),
    ],
)
def test_a_manifest_that_promises_less_is_named(
    tmp_path: Path, written: str, instead: str, message: str
) -> None:
    shutil.copytree(BASE, tmp_path / "base")
    manifest = tmp_path / "base" / "factory-core.yaml"
    assert written in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(written, instead))
    with pytest.raises(ManifestError, match=message):
        read_deployments(tmp_path / "base")


def watched(sequence: list[int], repeated: int = 0) -> list[str]:
    screen = Screen(Plant({}, lambda: "token"), "factory")
    screen.subscription.repeated = repeated
    screen.first, screen.sequence = 6, sequence
    screen.types = ["incident.reported.v1"] * len(sequence)
    return flaws_of(screen, Accepted(reported={str(number): "" for number in range(3)}))


def test_a_gap_and_a_duplicate_and_a_missing_end_of_a_stream_are_noticed() -> None:
    assert watched([7, 8, 9]) == []
    assert watched([7, 9, 10]) == ["the sequence breaks at 9"]
    assert watched([7, 7, 8]) == ["the sequence breaks at 7"]
    assert watched([7, 8, 9], repeated=1) == ["1 events came again"]
    assert watched([7, 8]) == ["incident.reported.v1: saw 2 of 3"]


def test_a_verdict_with_problems_says_them_to_people_and_machines() -> None:
    verdict = Verdict(
        seconds=1,
        accounts={},
        endings=[Ending("factory-core-1", 20, -9, killed=True)],
        connections=[2, 3],
        events=7,
        proxy={"tried again": 1},
        problems=["factory-core-1 ended with -9"],
    )
    assert "PROBLEM factory-core-1 ended with -9" in verdict.as_text()
    assert "killed" in verdict.as_text()
    assert "2 clients, 5 connections, 7 events each" in verdict.as_text()
    assert verdict.as_json()["problems"] == ["factory-core-1 ended with -9"]
    assert verdict.as_json()["pods"][0]["killed"] is True
