import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded import AccessError, DiskFullError, file_error, make_folder, write_private_file
from embedded.folders import PASSABLE, PRIVATE, hand_over, tail


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_a_new_folder_has_our_mode_under_every_umask(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "a" / "b")
    wanted = PASSABLE if os.geteuid() == 0 else PRIVATE
    assert mode(made) == mode(made.parent) == wanted


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_folder(tmp_path)
    assert mode(tmp_path) == 0o750


@pytest.mark.usefixtures("umask")
def test_a_private_file_is_the_owners_alone_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_private_file(file, "first\n")
    write_private_file(file, "second\n")
    assert file.read_text() == "second\n"
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_in_the_place_of_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AccessError, match="file"):
        make_folder(tmp_path / "file" / "below")


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="File name too long"):
        make_folder(tmp_path / ("x" * 300) / "below")


@pytest.mark.parametrize("number", [28, 122])
def test_a_full_disk_or_quota_is_called_so(number: int, tmp_path: Path) -> None:
    error = file_error(OSError(number, os.strerror(number)), tmp_path)
    assert isinstance(error, DiskFullError)
    assert str(tmp_path) in str(error)


def test_the_tail_of_a_file_is_its_last_lines_and_nothing_without_a_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    assert tail(file) == ""
    file.write_bytes(b"x" * 40_000 + "\n하나\n둘\n".encode())
    assert tail(file, 2) == "하나\n둘"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_handing_over_takes_the_links_but_not_what_they_point_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "link").symlink_to(outside)
    hand_over(inside, 65534, 65534)
    assert outside.stat().st_uid == 0
    assert (inside / "deep" / "link").lstat().st_uid == inside.stat().st_uid == 65534
