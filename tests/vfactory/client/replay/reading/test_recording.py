"""Recordings as they come: what is read, what is left out, and what is counted as unreadable."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vfactory.client.replay.reading import Choices, Recording, RecordingError, Row, survey

FIRST = datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)


def record(path: Path, text: str | bytes, **choices: object) -> Recording:
    file = path / "recording.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Recording(file, Choices(**choices), UTC)  # type: ignore[arg-type]


def values(rows: list[Row]) -> list[dict[str, float]]:
    return [dict(row.values) for row in rows]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_any_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    lines = ["datetime;Current;Volume Flow RateRMS", "2020-02-08 13:30:47;2.5;122.664"]
    rows = list(record(tmp_path, "\n".join(lines).replace(";", delimiter)).rows())

    assert rows == [Row(2, FIRST, [("Current", 2.5), ("Volume Flow RateRMS", 122.664)])]


def test_a_delimiter_may_be_given_by_name(tmp_path: Path) -> None:
    text = "t a\n2020-02-08T13:30:47 1\n"

    assert values(list(record(tmp_path, text, delimiter="space").rows())) == [{"a": 1}]
    with pytest.raises(RecordingError, match="--delimiter"):
        record(tmp_path, text, delimiter="::")


def test_a_metric_keeps_its_name_but_for_space_around_it_and_its_form(tmp_path: Path) -> None:
    names = ["Volume Flow RateRMS", " leading", "온도 (°C)", "a/b;c", "Tempe\u0301rature"]
    header = ",".join(["time", *(f'"{name}"' for name in names)])
    rows = list(record(tmp_path, f"{header}\n2020-02-08 13:30:47,1,2,3,4,5\n").rows())

    kept = ["Volume Flow RateRMS", "leading", "온도 (°C)", "a/b;c", "Temp\u00e9rature"]
    assert [name for name, _ in rows[0].values] == kept


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_line_ends_and_encodings_make_no_difference(tmp_path: Path, end: str, encoding: str) -> None:
    text = end.join(["time;온도", "2020-02-08 13:30:47;1", "", "2020-02-08 13:30:48;2", ""])
    rows = list(record(tmp_path, text.encode(encoding)).rows())

    assert values(rows) == [{"온도": 1}, {"온도": 2}]


def test_another_encoding_is_asked_for_and_then_read(tmp_path: Path) -> None:
    text = "time;온도\n2020-02-08 13:30:47;1\n".encode("cp949")

    with pytest.raises(RecordingError, match="--encoding cp949"):
        record(tmp_path, text)
    assert values(list(record(tmp_path, text, encoding="cp949").rows())) == [{"온도": 1}]
    with pytest.raises(RecordingError, match="klingon"):
        record(tmp_path, text, encoding="klingon")


def test_label_columns_are_left_out_when_told(tmp_path: Path) -> None:
    text = "datetime;a;anomaly\n2020-02-08 13:30:47;1;0.0\n"
    recording = record(tmp_path, text, exclude=("anomaly", "changepoint"))

    assert values(list(recording.rows())) == [{"a": 1}]
    assert recording.layout.left_out == {"anomaly": "excluded"}
    assert recording.layout.unknown_excludes == ("changepoint",)


def test_a_column_of_words_is_left_out_and_said_so(tmp_path: Path) -> None:
    text = "time,operator,a\n2020-02-08 13:30:47,Kim,1\n2020-02-08 13:30:48,Lee,2\n"
    recording = record(tmp_path, text)

    assert values(list(recording.rows())) == [{"a": 1}, {"a": 2}]
    assert "Kim" in recording.layout.left_out["operator"]


def test_a_sensor_that_begins_late_is_not_mistaken_for_words(tmp_path: Path) -> None:
    lines = [f"{FIRST + timedelta(seconds=s):%Y-%m-%d %H:%M:%S},{s},NaN" for s in range(300)]
    last = f"{FIRST + timedelta(seconds=300):%Y-%m-%d %H:%M:%S},300,7.5"
    recording = record(tmp_path, "\n".join(["time,a,late", *lines, last]))
    rows = list(recording.rows())

    assert dict(rows[-1].values) == {"a": 300, "late": 7.5}
    assert [(f.kind, f.column, f.count) for f in recording.findings] == [("not a finite number", "late", 300)]


def test_bad_cells_are_counted_with_their_lines_and_the_good_ones_of_the_row_sent(tmp_path: Path) -> None:
    lines = ["time;a;b", "2020-02-08 13:30:47;;1", "2020-02-08 13:30:48;NaN;2", "2020-02-08 13:30:49;1_0;3"]
    lines += ["2020-02-08 13:30:50;1e999;4", "2020-02-08 13:30:51;broken;5", "2020-02-08 13:30:52;6;6"]
    recording = record(tmp_path, "\n".join(lines))

    assert [row["b"] for row in values(list(recording.rows()))] == [1, 2, 3, 4, 5, 6]
    assert [(f.kind, f.count, f.lines) for f in recording.findings] == [
        ("empty cell", 1, [2]),
        ("not a finite number", 2, [3, 5]),
        ("not a number", 2, [4, 6]),
    ]


def test_broken_lines_and_times_cost_only_themselves(tmp_path: Path) -> None:
    lines = ["time;a", "2020-02-08 13:30:47;1", "2020-02-08 13:30:48", "2020-02-08 13:30:49;1;2"]
    lines += ["yesterday;4", "2020-02-08 13:30:51;5"]
    recording = record(tmp_path, "\n".join(lines))

    assert [row.line for row in recording.rows()] == [2, 6]
    assert [(f.lines, f.example) for f in recording.findings] == [
        ([3, 4], "1 cells"),
        ([5], "yesterday"),
    ]


def test_a_quote_never_closed_swallows_nothing(tmp_path: Path) -> None:
    stamps = [f"{FIRST + timedelta(seconds=s):%Y-%m-%d %H:%M:%S}" for s in range(3000)]
    lines = [f"{at};{s}" for s, at in enumerate(stamps)]
    lines[1000] = f'"{stamps[1000]};1000'
    recording = record(tmp_path, "\n".join(["time;a", *lines]))
    rows = list(recording.rows())

    assert [row.values[0][1] for row in rows] == [s for s in range(3000) if s != 1000]
    assert [row.line for row in rows] == [s + 2 for s in range(3000) if s != 1000]
    assert [f.lines for f in recording.findings] == [[1002]]


def test_a_quoted_cell_may_hold_a_line_break(tmp_path: Path) -> None:
    text = 'time;note;"flow\n(l/min)"\n2020-02-08 13:30:47;"a\nb";5\n2020-02-08 13:30:48;c;6\n'
    rows = list(record(tmp_path, text).rows())

    assert values(rows) == [{"flow\n(l/min)": 5}, {"flow\n(l/min)": 6}]
    assert [row.line for row in rows] == [3, 5]


def test_a_trailing_delimiter_on_every_line_is_no_broken_line(tmp_path: Path) -> None:
    recording = record(tmp_path, "time;a\n2020-02-08 13:30:47;1;\n2020-02-08 13:30:48;2;\n", delimiter=";")

    assert len(list(recording.rows())) == 2
    assert recording.findings.total == 0


def test_decimal_commas_are_read_when_told_and_hinted_at_when_not(tmp_path: Path) -> None:
    text = "time;a\n2020-02-08 13:30:47;0,5\n2020-02-08 13:30:48;1.000,5\n"

    with pytest.raises(RecordingError, match="--decimal ,"):
        record(tmp_path, text)
    recording = record(tmp_path, text, decimal=",")
    assert values(list(recording.rows())) == [{"a": 0.5}]
    assert [f.example for f in recording.findings] == ["1.000,5"]


def test_the_time_column_is_found_anywhere_and_may_be_named(tmp_path: Path) -> None:
    text = "a;recorded;planned\n1;2020-02-08 13:30:47;2021-01-01\n"

    assert record(tmp_path, text).layout.time_name == "recorded"
    assert record(tmp_path, text, time_columns=("planned",)).layout.time_name == "planned"
    with pytest.raises(RecordingError, match="'recorded', 'planned'"):
        record(tmp_path, text, time_columns=("when",))


def test_unix_times_are_taken_for_times_only_by_their_name(tmp_path: Path) -> None:
    text = "serial;timestamp;a\n1581168640;1581168647;1\n"
    recording = record(tmp_path, text)

    assert recording.layout.time_name == "timestamp"
    assert [row.at for row in recording.rows()] == [FIRST]


def test_a_date_and_a_time_of_day_in_two_columns_are_one_time(tmp_path: Path) -> None:
    text = "Date,Time,a\n2020-02-08,13:30:47,1\n2020-02-08,13:30:48.5,2\n"
    recording = record(tmp_path, text)

    assert recording.layout.time_name == "Date Time"
    assert [row.at for row in recording.rows()] == [FIRST, FIRST + timedelta(seconds=1.5)]


def test_channels_may_be_called_by_numbers(tmp_path: Path) -> None:
    assert values(list(record(tmp_path, "time;1;2\n2020-02-08 13:30:47;5;6\n").rows())) == [{"1": 5, "2": 6}]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty"),
        ("\n\n", "table|lines"),
        ("just one column\n1\n", "--delimiter"),
        ("2020-02-08 13:30:47;1\n2020-02-08 13:30:48;2\n", "name the columns"),
        ("a;b\n1;2\n", "--time-column"),
        ("time;a\n2020-02-08 13:30:47;Kim\n", "no column holds numbers"),
        ("time;a;a\n2020-02-08 13:30:47;1;2\n", "more than one column"),
        ("time;" + "x" * 101 + "\n2020-02-08 13:30:47;1\n", "101 characters"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_why(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(RecordingError, match=match):
        record(tmp_path, text)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        Recording(tmp_path / "missing.csv", Choices(), UTC)
    with pytest.raises(RecordingError, match="directory"):
        Recording(tmp_path, Choices(), UTC)


def test_rows_that_step_back_in_time_are_counted(tmp_path: Path) -> None:
    text = "time;a\n2020-02-08 13:30:47;1\n2020-02-08 13:30:45;2\n2020-02-08 13:30:49;3\n"
    recording = record(tmp_path, text)

    assert len(list(recording.rows())) == 3
    assert recording.steps_back == 1
    span = survey(recording.again()).span
    assert span is not None
    assert (span.first, span.seconds) == (FIRST, 4)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=400))
def test_no_bytes_in_the_rows_break_the_reader(tmp_path: Path, tail: bytes) -> None:
    recording = record(
        tmp_path,
        b"time;a\n2020-02-08 13:30:47;1\n" * 1 + tail + b"\n2020-02-08 13:30:48;2\n",
        delimiter=";",
        encoding="utf-8",
        time_columns=("time",),
    )
    rows = list(recording.rows())

    assert rows[0].values == [("a", 1.0)]
    assert all(row.at.tzinfo is UTC for row in rows)
