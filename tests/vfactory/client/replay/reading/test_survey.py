"""The survey of a recording: its span, and what makes it implausible."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vfactory.client.replay.reading import Choices, Recording, Survey, survey

NOW = datetime(2026, 11, 29, tzinfo=UTC)
FIRST = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def look(path: Path, rows: list[str], header: str = "time,level") -> Survey:
    file = path / "recording.csv"
    file.write_text("\n".join([header, *rows]))
    return survey(Recording(file, Choices(), UTC))


def at(minute: int, step: float = 1) -> str:
    return (FIRST + timedelta(minutes=minute * step)).isoformat()


def test_a_sound_recording_has_a_span_and_no_reason(tmp_path: Path) -> None:
    found = look(tmp_path, [f"{at(m)},{m}" for m in (3, 1, 2, 5)])

    assert list(found.reasons(NOW)) == []
    assert found.span is not None
    assert found.span.first == FIRST + timedelta(minutes=3)
    assert (found.span.earliest, found.span.seconds) == (FIRST + timedelta(minutes=1), 240)


@pytest.mark.parametrize(("bad", "stops"), [(0, False), (1, False), (2, False), (3, True)])
def test_one_row_in_a_hundred_may_be_lost(tmp_path: Path, bad: int, *, stops: bool) -> None:
    rows = [f"{at(m)},{m}" if m >= bad else f"yesterday,{m}" for m in range(50, 250)]
    rows[:bad] = ["yesterday,1"] * bad
    reasons = list(look(tmp_path, rows).reasons(NOW))

    assert bool(reasons) is stops
    assert not stops or "3 of 200 rows" in reasons[0]


@pytest.mark.parametrize(("bad", "stops"), [(2, False), (3, True)])
def test_one_cell_in_a_hundred_may_be_lost(tmp_path: Path, bad: int, *, stops: bool) -> None:
    rows = [f"{at(m)},{m},{'Bad' if m < bad else m}" for m in range(200)]
    reasons = list(look(tmp_path, rows, "time,level,flow").reasons(NOW))

    assert bool(reasons) is stops
    assert not stops or "--missing 'Bad'" in reasons[0]


def test_what_was_not_measured_is_not_lost(tmp_path: Path) -> None:
    rows = [f"{at(m)},{'' if m % 2 else m},{'NaN' if m % 3 else m}" for m in range(200)]

    assert list(look(tmp_path, rows, "time,level,flow").reasons(NOW)) == []


def test_a_day_ahead_is_far_unless_times_are_shifted(tmp_path: Path) -> None:
    found = look(tmp_path, [f"{at(m)},{m}" for m in range(5)])

    assert list(found.reasons(FIRST - timedelta(hours=20))) == []
    assert "in the future" in next(found.reasons(FIRST - timedelta(days=2)))
    assert list(found.reasons(None)) == []


def test_daily_values_are_midnights_without_a_clock_and_pass(tmp_path: Path) -> None:
    assert list(look(tmp_path, [f"2026-01-{d},{d}" for d in range(10, 30)]).reasons(NOW)) == []


def test_a_few_rows_at_one_time_are_left_to_the_plant_to_tell(tmp_path: Path) -> None:
    rows = [f"{at(m)},{m}" for m in range(100)] + [f"{at(99)},1"]

    assert list(look(tmp_path, rows).reasons(NOW)) == []


def test_remarks_beside_late_rows_are_no_machines(tmp_path: Path) -> None:
    rows = [f"{at(m)},{m},ok" for m in (1, 2, 3, 2, 4, 3, 5)]
    rows[0] = rows[0].replace("ok", "started")

    assert list(look(tmp_path, rows, "time,level,remark").reasons(NOW)) == []


@pytest.mark.parametrize(
    ("exclude", "reasons"),
    [
        (("falt",), ["--exclude falt: the file has no such column (columns: time, level, fault)"]),
        (("fault",), []),
        ((), []),
    ],
)
def test_a_mistyped_column_to_leave_out_is_told_with_those_there_are(
    tmp_path: Path, exclude: tuple[str, ...], reasons: list[str]
) -> None:
    file = tmp_path / "recording.csv"
    file.write_text("\n".join(["time,level,fault", *(f"{at(m)},{m},0" for m in range(5))]))

    assert list(survey(Recording(file, Choices(exclude=exclude), UTC)).reasons(NOW)) == reasons
