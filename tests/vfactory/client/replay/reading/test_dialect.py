"""The dialect of a text: where its table begins, what separates cells, what names the columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfactory.client.replay.reading import Choices, RecordingError
from vfactory.client.replay.reading.dialect import find_dialect

ROWS = ["2026-01-15 10:30:00;1;2\n", "2026-01-15 10:31:00;3;4\n"]
HEADER = "time;level;flow\n"


@pytest.mark.parametrize(
    ("before", "skip"),
    [
        ([], 1),
        (["sep=;\n"], 2),
        (['"sep=;"\n'], 2),
        (["# logger\n", "\n", "# hall\n"], 4),
        (["\n", "\n"], 3),
        (["#datatype;dateTime;double;double\n"], 2),
    ],
)
def test_the_header_is_found_below_what_stands_before_it(before: list[str], skip: int) -> None:
    dialect = find_dialect([*before, HEADER, *ROWS], Choices())

    assert (dialect.header, dialect.skip, dialect.delimiter) == (["time", "level", "flow"], skip, ";")
    assert dialect.annotated == any("datatype" in line for line in before)


@pytest.mark.parametrize("header", ["#time;level;flow\n", "# time;level;flow\n"])
def test_a_header_may_be_a_comment(header: str) -> None:
    dialect = find_dialect(["# logger\n", header, *ROWS], Choices())

    assert (dialect.header, dialect.skip) == (["time", "level", "flow"], 2)


@given(st.lists(st.sampled_from(["Logger 3\n", "Hall\n", "\n", "by Kim\n"]), min_size=1, max_size=6))
def test_the_lines_to_skip_are_told_and_then_skipped(titles: list[str]) -> None:
    lines = [*titles, HEADER, *ROWS * 9]
    if not "".join(titles).strip():
        return
    with pytest.raises(RecordingError, match=f"--skip-lines {len(titles)}$"):
        find_dialect(lines, Choices())
    dialect = find_dialect(lines, Choices(skip_lines=len(titles)))
    assert (dialect.header, dialect.skip) == (["time", "level", "flow"], len(titles) + 1)


def test_a_name_over_two_lines_is_one_name() -> None:
    dialect = find_dialect(['time;"level\n', '(mm)"\n', "2026-01-15 10:30:00;1\n"], Choices())

    assert (dialect.header, dialect.skip) == (["time", "level\n(mm)"], 2)


def test_names_given_take_the_place_of_a_header() -> None:
    dialect = find_dialect(ROWS, Choices(names=("time", "a", "b")))

    assert (dialect.header, dialect.skip) == (["time", "a", "b"], 0)
