"""What commands print: aligned, and harmless to a terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from plant_client import Event
from vfactory.client import output
from vfactory.client.commands.events import describe
from vfactory.client.output import (
    instant,
    print_columns,
    print_fields,
    print_json,
    print_json_line,
    printable,
)
from vfactory.commands.terminal import folded


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

    assert all(part.isprintable() for part in describe(Event(1, "\x1b.v1", body)))


HEADERS = ("OCCURRED", "SEVERITY", "STATUS", "CONDITION", "TITLE", "ID")
IDS = ["01a228e5-5ee6-7422-97cb-b34d208d89cc", "01a228e5-0ad4-77f6-9f9c-684046f72690"]
ROWS = [
    ("2026-01-15 10:40:09.250Z", 3, "acknowledged", "cleared", "Pump out of balance", IDS[0]),
    ("2026-01-15 10:40:09Z", 4, "reported", None, "오일이 새고 있고 냄새도 심하게 납니다", IDS[1]),
]


def table_in(width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    print_columns(HEADERS, ROWS, words=("TITLE",))
    return capsys.readouterr().out


def test_a_table_that_fits_or_is_no_terminals_is_not_touched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = table_in(None, monkeypatch, capsys)
    assert whole == table_in(200, monkeypatch, capsys)
    assert len(whole.splitlines()) == 3
    assert all(one in whole for one in IDS)


@pytest.mark.parametrize("width", [140, 100, 80])
def test_a_narrow_terminal_gets_short_ids_and_folded_titles(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table_in(width, monkeypatch, capsys).splitlines()
    assert max(map(cell_len, lines)) <= width
    said = " ".join(lines)
    assert all(f"{one[:10]}" in said for one in IDS)
    for word in ("Pump", "balance", "심하게", "납니다", "10:40:09.250Z", "acknowledged"):
        assert word in said


@pytest.mark.parametrize("width", [60, 40, 20])
def test_where_nothing_helps_the_ids_come_first_and_stay_whole(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table_in(width, monkeypatch, capsys).splitlines()
    assert lines[0].startswith("ID ")
    assert [line.split()[0] for line in lines if line.startswith("01a2")] == [one[:10] for one in IDS]


WORDS = st.lists(st.text("ab 한글-", min_size=1, max_size=30), min_size=1, max_size=12)


@given(WORDS, st.integers(1, 100), st.integers(0, 4))
def test_folding_breaks_no_part_and_loses_none(parts: list[str], width: int, indent: int) -> None:
    lines = folded(parts, width, "|", indent)
    assert "|".join([lines[0], *(line[indent:] for line in lines[1:])]) == "|".join(parts)
    for line in lines:
        assert cell_len(line) <= width or line[indent if line is not lines[0] else 0 :] in parts


HUMS = "Shakes and hums since the morning shift began"


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (None, [f"id           {IDS[0]}", f"description  {HUMS}"]),
        (52, [f"id           {IDS[0]}", f"description  {HUMS[:-6]}", f"{'':13}began"]),
        (40, ["id", IDS[0], f"description  {HUMS[:25]}", f"{'':13}morning shift began"]),
    ],
)
def test_fields_are_folded_below_each_other_and_ids_stay_whole(
    width: int | None,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    print_fields([("id", IDS[0]), ("description", HUMS)])
    assert capsys.readouterr().out.splitlines() == expected
