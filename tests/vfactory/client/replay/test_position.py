"""Where an interrupted replay stands: kept whole, tied to its file and options, and never in the way."""

import os
from pathlib import Path

import pytest

from vfactory.client.replay.position import Position, PositionFile


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "recording.csv"
    file.write_text("time;a\n")
    return file


def test_a_position_comes_back_as_it_was_saved_until_it_is_cleared(tmp_path: Path, recording: Path) -> None:
    file = PositionFile(tmp_path / "state" / "replay", recording, ("plant", "pump-1"))
    assert file.load() is None
    file.save(Position(1234, -77, "run1"))

    assert PositionFile(tmp_path / "state" / "replay", recording, ("plant", "pump-1")).load() == Position(
        1234, -77, "run1"
    )
    file.clear()
    file.clear()
    assert file.load() is None


def test_another_target_or_a_changed_file_is_another_replay(tmp_path: Path, recording: Path) -> None:
    PositionFile(tmp_path, recording, ("plant", "pump-1")).save(Position(5))

    assert PositionFile(tmp_path, recording, ("plant", "pump-2")).load() is None
    recording.write_text("time;a\n2020-02-08 13:30:47;1\n")
    os.utime(recording, ns=(0, 0))
    assert PositionFile(tmp_path, recording, ("plant", "pump-1")).load() is None


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"rows": "x"}', '{"rows": -1, "shift_microseconds": 0, "run": ""}', "null"]
)
def test_a_damaged_position_counts_as_none(tmp_path: Path, recording: Path, damage: str) -> None:
    file = PositionFile(tmp_path, recording, ())
    file.path.write_text(damage)

    assert file.load() is None
