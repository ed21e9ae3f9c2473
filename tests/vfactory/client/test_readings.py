"""`vfactory readings`, as a person uses it on a running plant."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.plant.stack import Stack


@pytest.fixture(scope="module")
def engineer(running_stack: Stack) -> Iterator[httpx.Client]:
    token = running_stack.run("token", "--role", "engineer", code=0).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running_stack.part("factory-core")["where"], headers=headers) as client:
        yield client


@pytest.fixture
def bench(engineer: httpx.Client) -> list[str]:
    """The options that name a machine with three readings, in a factory of the test's own."""
    name = f"bench {uuid4()}"
    path = f"/v1/factories/{engineer.post('/v1/factories', json={'name': name}).json()['id']}"
    engineer.post(f"{path}/equipment", json={"tag": "press-1"}).raise_for_status()
    readings = [
        {"source": "press-1", "metric": "force", "at": f"2026-01-15T10:30:0{second}.000001Z", "value": value}
        for second, value in enumerate((1.5, 2, 0.1234567890123))
    ]
    sent = engineer.post(f"{path}/readings", json={"batch_id": "b", "readings": readings})
    assert sent.json()["accepted"] == 3
    return ["-F", name, "-e", "press-1", "-m", "force"]


def listed(stack: Stack, bench: list[str], *options: str) -> list[Any]:
    return [item["value"] for item in stack.json("readings", "list", *bench, *options)["items"]]


def test_readings_are_listed_with_every_digit(running_stack: Stack, bench: list[str]) -> None:
    assert running_stack.run("readings", "list", *bench, code=0).stdout.splitlines() == [
        "AT                           VALUE            QUALITY",
        "2026-01-15 10:30:00.000001Z  1.5              good",
        "2026-01-15 10:30:01.000001Z  2                good",
        "2026-01-15 10:30:02.000001Z  0.1234567890123  good",
    ]
    assert listed(running_stack, bench, "--limit", "1") == [1.5]
    in_seoul = running_stack.run(
        "readings", "list", *bench, "--time-zone", "Asia/Seoul", "--from", "2026-01-15 19:30:02", code=0
    )
    assert "2026-01-15 19:30:02.000001+09:00  0.1234567890123" in in_seoul.stdout
    assert len(in_seoul.stdout.splitlines()) == 2
    assert listed(
        running_stack, bench, "--from", "2026-01-15 19:30:01+09:00", "--to", "2026-01-15T10:30:02Z"
    ) == [2]


def test_one_reading_is_corrected_and_its_record_listed(running_stack: Stack, bench: list[str]) -> None:
    fix = ["--at", "2026-01-15 10:30:01.000001Z", "--value", "-7", "--reason", "wired wrongly"]
    first = running_stack.run("readings", "correct", *bench, *fix, code=0)
    assert "1 corrected, 0 unchanged, 0 rejected" in first.stdout
    again = running_stack.run("readings", "correct", *bench, *fix, code=0)
    assert "0 corrected, 1 unchanged, 0 rejected" in again.stdout
    assert listed(running_stack, bench) == [1.5, -7, 0.1234567890123]
    [record] = running_stack.json("readings", "corrections", *bench)["items"]
    assert (record["old_value"], record["value"], record["reason"]) == (2, -7, "wired wrongly")
    table = running_stack.run("readings", "corrections", *bench, code=0).stdout
    assert "2026-01-15 10:30:01.000001Z  2    -7" in table


def test_a_file_is_corrected_line_by_line_and_what_is_unknown_ends_with_1(
    running_stack: Stack, bench: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text(
        "at,value,quality\n2026-01-15T10:30:00.000001Z,10,bad\n2026-01-15T10:30:09Z,20,\n", "utf-8"
    )
    done = running_stack.run("readings", "correct", str(path), *bench, "--reason", "drift", code=1)
    assert "1 corrected, 0 unchanged, 1 rejected" in done.stdout
    assert "line 3: at: no reading of this source and metric has this time" in done.stderr
    assert listed(running_stack, bench)[0] == 10
    said = json.loads(
        running_stack.run(
            "readings", "correct", str(path), *bench, "--reason", "drift", "--json", code=1
        ).stdout
    )
    assert [one["outcome"] for one in said["results"]] == ["unchanged", "rejected"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", "2026-01-15T10:30:00Z", "--value", "1"], "reason is missing"),
        (["--at", "yesterday", "--value", "1", "--reason", "r"], "is not a time"),
        (["--at", "2026-01-15T10:30:00Z", "--value", "many", "--reason", "r"], "must be a number"),
        (
            ["nowhere.csv", "--at", "2026-01-15T10:30:00Z", "--reason", "r"],
            "--at and --value are for one reading",
        ),
        (["nowhere.csv", "--reason", "r"], "nowhere.csv cannot be read"),
    ],
)
def test_a_wrong_command_is_a_sentence_and_exit_code_2(
    running_stack: Stack, bench: list[str], options: list[str], said: str
) -> None:
    done = running_stack.run("readings", "correct", *bench, *options, code=2)
    assert said in done.stderr
