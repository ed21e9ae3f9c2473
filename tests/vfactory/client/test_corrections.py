from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vfactory.client.corrections import make_correction, read_corrections, read_instant
from vfactory.client.errors import UsageError

NOTHING: dict[str, str | None] = dict.fromkeys(("source", "metric", "quality", "reason"))
SEOUL = ZoneInfo("Asia/Seoul")
HEAD = "source,metric,at,value,reason\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "corrections.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_a_file_gives_one_correction_a_line(tmp_path: Path) -> None:
    text = (
        "\ufeffSource, metric ,at,value,quality,reason\n"
        'press-1,온도,2026-01-15 10:30:00.000001Z,-0.5,bad,"wired, wrongly"\n'
        "\n"
        "press-2,force,2026-01-15T19:30+09:00,1e3,,drift\n"
    )
    first, second = read_corrections(written(tmp_path, text), NOTHING, UTC)
    assert (first.line, second.line) == (2, 4)
    assert first.body == {
        "source": "press-1",
        "metric": "온도",
        "at": "2026-01-15T10:30:00.000001+00:00",
        "value": -0.5,
        "quality": "bad",
        "reason": "wired, wrongly",
    }
    assert second.body == {
        "source": "press-2",
        "metric": "force",
        "at": "2026-01-15T10:30:00+00:00",
        "value": 1000.0,
        "reason": "drift",
    }


def test_options_stand_for_columns_and_cells_that_are_missing(tmp_path: Path) -> None:
    defaults = {**NOTHING, "source": "press-1", "metric": "force", "reason": "drift"}
    text = "at,value,reason\n2026-01-15T10:30:00Z,1,\n2026-01-15T10:30:01Z,2,knock\n"
    found = read_corrections(written(tmp_path, text), defaults, UTC)
    assert [(one.body["source"], one.body["reason"]) for one in found] == [
        ("press-1", "drift"),
        ("press-1", "knock"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the first line must name the columns"),
        (HEAD, "holds no corrections"),
        ("time,value\n1,2\n", "the first line must name the columns"),
        ("at,at,value\n1,2,3\n", "each once"),
        (f"{HEAD}press-1,force,yesterday,1,drift\n", "line 2: 'yesterday' is not a time"),
        (f"{HEAD}press-1,force,0001-01-01T00:00:00+09:00,1,drift\n", "line 2: .* outside the years"),
        (f'{HEAD}press-1,force,2026-01-15T10:30:00Z,"1,5",drift\n', "line 2: value must be a number"),
        (f"{HEAD}press-1,force,2026-01-15T10:30:00Z,nan,drift\n", "line 2: value must be a finite number"),
        (f"{HEAD}press-1,force,2026-01-15T10:30:00Z,1,\n", "line 2: reason is missing"),
        (f"{HEAD}press-1,force,2026-01-15T10:30:00Z,1\n", "line 2: has 4 cells; the first line has 5"),
        (
            f"{HEAD}p,é,2026-01-15T10:30:00Z,1,a\np,e\u0301 ,2026-01-15T19:30:00+09:00,2,b\n",
            "line 3: the reading has a correction in line 2",
        ),
        (f'{HEAD}"press-1,force\n', "is not a CSV file in UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_by_its_line_before_anything_is_sent(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_corrections(written(tmp_path, text), NOTHING, UTC)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a CSV file in UTF-8"):
        read_corrections(written(tmp_path, f"{HEAD}온도", "cp949"), NOTHING, UTC)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.csv cannot be read: No such file"):
        read_corrections(tmp_path / "nowhere.csv", NOTHING, UTC)


@pytest.mark.parametrize("missing", ["source", "metric", "at", "value", "reason"])
def test_what_is_missing_is_named(missing: str) -> None:
    given: dict[str, str | None] = {
        "source": "press-1",
        "metric": "force",
        "at": "2026-01-15T10:30:00Z",
        "value": "1",
        "reason": "drift",
    }
    with pytest.raises(UsageError, match=f"^{missing} is missing"):
        make_correction({**given, missing: None}, UTC)


def test_a_time_is_read_as_it_is_listed() -> None:
    assert read_instant("2026-01-15 10:30:00.5Z", SEOUL) == "2026-01-15T10:30:00.500000+00:00"
    assert read_instant("2026-01-15 19:30:00.5+09:00", UTC) == "2026-01-15T10:30:00.500000+00:00"


def test_a_time_without_an_offset_is_in_the_zone() -> None:
    assert read_instant("2026-01-15 19:30", SEOUL) == "2026-01-15T10:30:00+00:00"


@pytest.mark.parametrize("text", ["2026-10-25 02:30", "2026-03-29 02:30"])
def test_a_time_that_comes_twice_or_never_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="comes twice or never in Europe/Berlin; end it with its offset"):
        read_instant(text, ZoneInfo("Europe/Berlin"))
