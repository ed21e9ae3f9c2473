import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded import (
    AccessError,
    DiskFullError,
    file_error,
    make_folder,
    read_private_file,
    require_own_folder,
    require_private_file,
    write_private_file,
)
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


SOMEBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    write_private_file(tmp_path / "secret", "hunter2")
    return tmp_path / "secret"


def test_a_private_file_of_ones_own_is_read_and_a_missing_one_is_none(secret: Path) -> None:
    assert read_private_file(secret) == b"hunter2"
    assert read_private_file(secret.with_name("other")) is None
    assert read_private_file(secret / "below") is None


@pytest.mark.parametrize("wide", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_a_secret_that_others_may_use_is_refused_with_the_remedy(secret: Path, wide: int) -> None:
    secret.chmod(wide)
    for check in (read_private_file, require_private_file):
        with pytest.raises(AccessError, match=f"chmod 600 {secret}"):
            check(secret)


@pytest.mark.parametrize("target", ["secret", "none"])
def test_a_link_in_the_place_of_a_secret_is_refused(secret: Path, target: str) -> None:
    link = secret.with_name("link")
    link.symlink_to(secret.with_name(target))
    for check in (read_private_file, require_private_file):
        with pytest.raises(AccessError, match="is a link"):
            check(link)


def test_a_folder_or_pipe_in_the_place_of_a_secret_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("folder", "pipe"):
        for check in (read_private_file, require_private_file):
            with pytest.raises(AccessError, match=f"{name} is not a file"):
                check(tmp_path / name)


@only_root
def test_a_secret_that_another_user_planted_is_refused_by_name(secret: Path) -> None:
    os.chown(secret, SOMEBODY, SOMEBODY)
    for check in (read_private_file, require_private_file):
        with pytest.raises(AccessError, match=f"{secret} belongs to nobody, not to root"):
            check(secret)


@pytest.mark.parametrize("narrow", [0o700, 0o711, 0o755])
def test_a_folder_that_others_cannot_change_is_accepted(tmp_path: Path, narrow: int) -> None:
    tmp_path.chmod(narrow)
    require_own_folder(tmp_path)
    require_own_folder(tmp_path / "missing")


@pytest.mark.parametrize("wide", [0o770, 0o702, 0o720, 0o777, 0o1777])
def test_a_folder_that_others_may_change_is_refused_with_the_remedy(tmp_path: Path, wide: int) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(wide)
    with pytest.raises(AccessError, match=f"chmod go-w {folder}"):
        require_own_folder(folder)


def test_a_link_to_a_folder_is_accepted_only_where_it_is_meant(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    require_own_folder(link, links=True)
    with pytest.raises(AccessError, match="is a link"):
        require_own_folder(link)
    folder.chmod(0o777)
    with pytest.raises(AccessError, match="chmod go-w"):
        require_own_folder(link, links=True)


@only_root
@pytest.mark.parametrize("theirs", ["folder", "link"])
def test_a_folder_or_link_of_another_user_is_refused(tmp_path: Path, theirs: str) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    os.chown(tmp_path / theirs, SOMEBODY, SOMEBODY, follow_symlinks=False)
    with pytest.raises(AccessError, match="belongs to nobody"):
        require_own_folder(link, links=True)
