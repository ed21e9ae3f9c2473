from collections.abc import Iterator
from pathlib import Path

import pytest

from vfactory.stack.logs import LogFile, LogReader, last_lines, new_lines


def loss(count: int) -> bytes:
    return b"lost %d\n" % count


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    log = LogFile(tmp_path / "x.log", limit=60, on_loss=loss, kept=5)
    yield log
    log.close()


@pytest.fixture
def reader(log: LogFile) -> Iterator[LogReader]:
    with LogReader(log.path) as reader:
        yield reader


def line(number: int) -> bytes:
    return b'{"timestamp":"2026-01-15T10:30:%02d.000000Z"}\n' % number


def test_history_goes_over_all_files_oldest_first(log: LogFile, reader: LogReader) -> None:
    for number in range(5):
        log.write([line(number)])
    assert list(reader.history(None)) == [line(number) for number in range(5)]


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 9])
def test_history_can_be_cut_to_the_last_lines(log: LogFile, reader: LogReader, count: int) -> None:
    for number in range(5):
        log.write([line(number)])
    wanted = [line(number) for number in range(5)][5 - min(count, 5) :]
    assert list(reader.history(count)) == wanted


def test_what_comes_after_the_history_is_neither_missed_nor_shown_twice(
    log: LogFile, reader: LogReader
) -> None:
    log.write([line(0)])
    seen = list(reader.history(10))
    for number in range(1, 5):
        log.write([line(number)])
    seen += reader.more()
    log.write([line(5)])
    seen += reader.more()
    assert seen == [line(number) for number in range(6)]
    assert reader.more() == []


def test_several_changes_of_file_between_two_looks_lose_nothing(log: LogFile, reader: LogReader) -> None:
    assert list(reader.history(None)) == []
    for number in range(3):
        log.write([line(number), line(number)])
    assert reader.more() == [line(number) for number in range(3) for _ in range(2)]


def test_a_reader_left_far_behind_goes_on_with_the_oldest_that_is_kept(
    log: LogFile, reader: LogReader
) -> None:
    log.write([line(0)])
    list(reader.history(None))
    for number in range(1, 20):
        log.write([line(number)])
    assert reader.more() == [line(number) for number in range(14, 20)]


def test_half_a_line_waits_for_its_rest(log: LogFile, reader: LogReader) -> None:
    with log.path.open("wb", buffering=0) as file:
        file.write(b"one\ntw")
        assert reader.more() == [b"one\n"]
        file.write(b"o\n")
    assert reader.more() == [b"two\n"]


def test_several_logs_come_by_time_and_undated_lines_stay_behind_theirs(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(line(1) + b"of one\n" + line(4))
    (tmp_path / "b.log").write_bytes(line(2) + b"2026-01-15 10:30:03.000 UTC [7] LOG: three\n")
    wanted = [
        line(1),
        b"of one\n",
        line(2),
        b"2026-01-15 10:30:03.000 UTC [7] LOG: three\n",
        line(4),
    ]
    with LogReader(tmp_path / "a.log") as a, LogReader(tmp_path / "b.log") as b:
        assert list(last_lines([a, b], 2)) == wanted[-2:]
        assert list(last_lines([a, b], None)) == wanted
        with (tmp_path / "a.log").open("ab") as file:
            file.write(line(6))
        with (tmp_path / "b.log").open("ab") as file:
            file.write(line(5))
        assert new_lines([a, b]) == [line(5), line(6)]
