"""What commands print: aligned, and harmless to a terminal."""

import json

import pytest

from plant_client import Event
from vfactory.client.commands.events import describe
from vfactory.client.output import (
    instant,
    print_columns,
    print_fields,
    print_json,
    print_json_line,
    printable,
)


def test_columns_line_up_also_with_korean_names(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(("NAME", "ID"), [("평택 공장", 1), ("A", None)])

    assert capsys.readouterr().out == "NAME       ID\n평택 공장  1\nA          -\n"


def test_fields_that_have_no_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("state", "normal"), ("active since", None), ("severity", 3)])

    assert capsys.readouterr().out == "state     normal\nseverity  3\n"


def test_nothing_a_plant_says_steers_the_terminal() -> None:
    assert printable("a\x1b[31mred\nnext\u202e") == "a\\x1b[31mred\\nnext\\u202e"
    assert printable("압력 °C") == "압력 °C"


def test_a_time_is_shown_without_its_t() -> None:
    assert instant("2020-02-08T16:16:53Z") == "2020-02-08 16:16:53Z"
    assert instant("2026-11-23T21:13:16.555076Z") == "2026-11-23 21:13:16.555Z"
    assert instant(None) is None


def test_json_holds_no_control_character_and_no_half_character(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "공장\x1b\x7f\x9b\ud800"}
    print_json(value)
    pretty = capsys.readouterr().out
    print_json_line(value)
    line = capsys.readouterr().out.rstrip("\n")

    assert line == r'{"name":"공장\u001b\u007f\u009b\ud800"}'
    assert json.loads(line) == json.loads(pretty) == value


def test_an_event_is_one_printable_line() -> None:
    body = {"payload": {"at": "\x1b[2J", "title": "\n", "incident_id": "\x9b"}}

    assert describe(Event(1, "\x1b.v1", body)).isprintable()
