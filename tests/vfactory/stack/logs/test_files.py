import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfactory.stack.logs import LogFile
from vfactory.stack.logs.files import WAITING_BYTES, generations


def loss(count: int) -> bytes:
    return b"lost %d\n" % count


def written(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in generations(path))


@settings(deadline=None)
@given(sizes=st.lists(st.lists(st.integers(0, 300), max_size=8), max_size=20))
def test_changing_files_loses_and_splits_no_line(
    sizes: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.log"
    log = LogFile(path, limit=500, on_loss=loss, kept=200)
    expected = b""
    for number, batch in enumerate(sizes):
        lines = [b"%d:" % number + b"x" * size + b"\n" for size in batch]
        log.write(lines)
        expected += b"".join(lines)
    log.close()
    assert written(path) == expected
    assert all(file.read_bytes().endswith(b"\n") for file in generations(path) if file.stat().st_size)
    assert all(file.stat().st_size <= 500 for file in generations(path))


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log", limit=10, on_loss=loss, kept=2)
    for number in range(20):
        log.write([b"line %03d\n" % number])
    log.close()
    assert written(tmp_path / "x.log") == b"line 017\nline 018\nline 019\n"


def test_a_line_longer_than_the_limit_is_kept_whole(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log", limit=10, on_loss=loss)
    log.write([b"a\n", b"b" * 100 + b"\n", b"c\n"])
    log.close()
    assert written(tmp_path / "x.log") == b"a\n" + b"b" * 100 + b"\nc\n"


def test_a_line_that_a_crash_cut_short_does_not_swallow_the_next(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"half a li")
    log = LogFile(tmp_path / "x.log", limit=1000, on_loss=loss)
    log.write([b"whole\n"])
    log.close()
    assert written(tmp_path / "x.log") == b"half a li\nwhole\n"


def test_lines_wait_while_the_folder_is_gone_and_come_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    log = LogFile(folder / "x.log", limit=1000, on_loss=loss)
    log.write([b"1\n"])
    log.write([b"2\n"])
    folder.mkdir()
    log.write([b"3\n"])
    log.close()
    assert written(folder / "x.log") == b"1\n2\n3\n"


def test_what_does_not_fit_into_memory_either_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    log = LogFile(folder / "x.log", limit=100 * WAITING_BYTES, on_loss=loss)
    line = b"y" * (WAITING_BYTES // 4 - 1) + b"\n"
    for _ in range(7):
        log.write([line])
    folder.mkdir()
    log.write([])
    log.close()
    assert written(folder / "x.log") == line * 4 + b"lost 3\n"


def test_lines_of_several_threads_are_all_there_once(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log", limit=2_000, on_loss=loss, kept=1000)

    def write(mark: int) -> None:
        for number in range(300):
            log.write([b"%d %d\n" % (mark, number)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    log.close()
    expected = [b"%d %d" % (mark, number) for mark in range(8) for number in range(300)]
    assert sorted(written(tmp_path / "x.log").splitlines()) == sorted(expected)


FILLING = """
import resource, signal, sys
from pathlib import Path
from vfactory.stack.logs import LogFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = LogFile(Path(sys.argv[1]), limit=10**6, on_loss=lambda n: b"lost %d\\n" % n)
log.write([b"first\\n"])
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
log.write([b"second\\n"])   # only four of its bytes fit
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.write([b"third\\n"])
log.close()
"""


def test_a_disk_that_fills_up_within_a_line_leaves_no_half_of_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FILLING, str(tmp_path / "x.log")], check=True)
    assert written(tmp_path / "x.log") == b"first\nsecond\nthird\n"


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="needs /dev/full")
def test_a_device_that_is_always_full_never_raises(tmp_path: Path) -> None:
    (tmp_path / "x.log").symlink_to("/dev/full")
    log = LogFile(tmp_path / "x.log", limit=1000, on_loss=loss)
    for _ in range(3):
        log.write([b"line\n"])
    log.close()
