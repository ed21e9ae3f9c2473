"""The golden lines are what the specification says, and cover what a pipeline must survive."""

import json

import pytest
from monitoring.logs.containers import LONGEST_PIECE, join, written
from monitoring.logs.fields import Specification
from monitoring.logs.golden import Golden


def test_every_line_of_the_logger_is_as_the_specification_says(
    specification: Specification, golden: list[Golden]
) -> None:
    lines = [line.fields for line in golden if line.fields is not None]
    assert [problem for fields in lines for problem in specification.problems(fields)] == []


def test_every_field_and_every_level_of_the_specification_is_among_them(
    specification: Specification, golden: list[Golden]
) -> None:
    lines = [line.fields for line in golden if line.fields is not None]
    assert set(specification.fields) <= {name for fields in lines for name in fields}
    assert {fields["level"] for fields in lines} == set(specification.levels)


def test_errors_go_to_stderr_and_all_else_to_stdout(golden: list[Golden]) -> None:
    spoken = [line for line in golden if line.fields is not None]
    assert all(
        (line.stream == "stderr") == (line.fields["level"] in ("ERROR", "CRITICAL"))
        for line in spoken
        if line.fields
    )


def test_no_line_of_the_logger_is_split_by_a_runtime_though_some_nearly_are(golden: list[Golden]) -> None:
    longest = max(len(line.line) for line in golden if line.fields is not None)
    assert 15_000 < longest + 1 <= 16_000 < LONGEST_PIECE


def test_a_line_of_another_program_is_longer_than_a_runtimes_longest_piece(golden: list[Golden]) -> None:
    assert max(len(line.line) for line in golden if line.fields is None) > LONGEST_PIECE


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (
            {"level": "INFO", "timestamp": "x", "name": "x", "message": ""},
            "does not begin with timestamp, level",
        ),
        ({"timestamp": "x", "level": "WARN", "name": "x", "message": ""}, "level is none of"),
        (
            {"timestamp": "x", "level": "INFO", "name": "x", "message": "", "trace_id": 7},
            "trace_id is no string",
        ),
    ],
)
def test_the_specification_notices_a_wrong_line(
    specification: Specification, broken: dict[str, object], problem: str
) -> None:
    assert problem in " ".join(specification.problems(broken))


def test_pieces_of_two_streams_between_one_another_are_joined_each_for_itself() -> None:
    out = list(written("가나다라".encode(), "t1", "stdout", 4))
    err = list(written(b"abcdefgh", "t2", "stderr", 4))
    mixed = [out[0], err[0], out[1], err[1], out[2]]
    assert [(line.time, line.stream, line.text) for line in join(mixed)] == [
        ("t2", "stderr", "abcdefgh"),
        ("t1", "stdout", "가나다라"),
    ]


def test_nothing_that_is_passed_as_extra_takes_the_place_of_a_field(golden: list[Golden]) -> None:
    (forged,) = [json.loads(line.line) for line in golden if b"names of ours" in line.line]
    assert forged["name"] == "factory-core"
    assert (forged["extra_name"], forged["extra_level"]) == ("forged", 7)
