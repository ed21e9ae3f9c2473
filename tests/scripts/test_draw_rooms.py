"""The picture of the rooms follows the imports."""

import subprocess
import sys
from pathlib import Path

import draw_rooms
import pytest

STACK = {"http": {"auth", "clock"}, "auth": {"clock"}, "clock": set[str](), "ids": {"clock"}}


def test_an_arrow_that_follows_from_two_others_is_left_out() -> None:
    assert draw_rooms.reduce(STACK) == {"http": {"auth"}, "auth": {"clock"}, "clock": set(), "ids": {"clock"}}


def test_every_room_stands_above_what_it_stands_on_and_as_near_as_can_be() -> None:
    assert draw_rooms.rank(draw_rooms.reduce(STACK)) == [["http"], ["auth", "ids"], ["clock"]]


def test_every_room_is_drawn_once() -> None:
    shapes, _ = draw_rooms.draw_graph(draw_rooms.reduce(STACK), top=0)
    for room in STACK:
        assert sum(f">{room}<" in shape for shape in shapes) == 1


def test_a_picture_that_is_out_of_date_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "docs/pictures/rooms.svg"
    picture.parent.mkdir(parents=True)
    monkeypatch.setattr(draw_rooms, "PICTURE", picture)
    monkeypatch.setattr(sys, "argv", ["draw_rooms.py"])
    draw_rooms.main()
    monkeypatch.setattr(sys, "argv", ["draw_rooms.py", "--check"])
    draw_rooms.main()
    picture.write_text(picture.read_text().replace(">clock<", ">watch<"))
    with pytest.raises(SystemExit, match="make rooms"):
        draw_rooms.main()


def test_the_same_imports_give_the_same_picture_in_every_process() -> None:
    script = Path(draw_rooms.__file__)
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-P", script, "--check"], env=environment, check=False)
        assert done.returncode == 0
