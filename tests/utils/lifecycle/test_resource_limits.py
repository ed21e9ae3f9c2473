"""The limits that a process tells are those under which the kernel runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from utils.lifecycle.resource_limits import cpu_limit, memory_limit

MACHINE_BYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
MACHINE_CORES = len(os.sched_getaffinity(0))
OWN = {2: "0::/pods/pod-1", 1: "4:cpu,cpuacct:/pods/pod-1\n3:memory:/pods/pod-1"}
Files = dict[str, str]


def write(folder: Path, files: Files, version: int) -> tuple[Path, Path]:
    """A tree of control groups, and the file in which the kernel tells a process where it is."""
    for name, text in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (folder / "own").write_text(OWN[version] + "\n")
    return folder / "groups", folder / "own"


@pytest.mark.parametrize(
    ("version", "files", "expected"),
    [
        (2, {"pods/pod-1/memory.max": "1048576"}, 1048576),
        (2, {"pods/pod-1/memory.max": "max", "pods/memory.max": "2097152"}, 2097152),
        (2, {"pods/pod-1/memory.max": "4194304", "pods/memory.max": "2097152"}, 2097152),
        (2, {"pods/pod-1/memory.max": "max"}, MACHINE_BYTES),
        (2, {"other/memory.max": "1"}, MACHINE_BYTES),
        (1, {"memory/pods/pod-1/memory.limit_in_bytes": "1048576"}, 1048576),
        (1, {"memory/pods/pod-1/memory.limit_in_bytes": "9223372036854771712"}, MACHINE_BYTES),
        (2, {}, MACHINE_BYTES),
    ],
)
def test_memory_is_limited_by_the_narrowest_group_or_the_machine(
    tmp_path: Path, version: int, files: Files, expected: int
) -> None:
    assert memory_limit(*write(tmp_path, files, version)) == expected


@pytest.mark.parametrize(
    ("version", "files", "expected"),
    [
        (2, {"pods/pod-1/cpu.max": "50000 100000"}, 0.5),
        (2, {"pods/pod-1/cpu.max": "max 100000", "pods/cpu.max": "25000 100000"}, 0.25),
        (2, {"pods/pod-1/cpu.max": "max 100000"}, MACHINE_CORES),
        (1, {"cpu/pods/pod-1/cpu.cfs_quota_us": "50000", "cpu/pods/pod-1/cpu.cfs_period_us": "100000"}, 0.5),
        (1, {"cpu/pods/pod-1/cpu.cfs_quota_us": "-1", "cpu/pods/pod-1/cpu.cfs_period_us": "100000"}, None),
        (2, {}, None),
    ],
)
def test_processors_are_limited_by_the_narrowest_group_or_the_machine(
    tmp_path: Path, version: int, files: Files, expected: float | None
) -> None:
    assert cpu_limit(*write(tmp_path, files, version)) == (MACHINE_CORES if expected is None else expected)


def test_without_control_groups_the_machine_is_the_limit(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path / "none") == MACHINE_BYTES
    assert cpu_limit(tmp_path, tmp_path / "none") == MACHINE_CORES


RAISE = """
import resource
from utils.lifecycle import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(raise_file_limit(500), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "raised"), [(100, 1000, 500), (100, 200, 200), (800, 1000, 800), (100, 500, 500)]
)
def test_the_limit_on_open_files_is_raised_as_far_as_needed_and_possible(
    soft: int, hard: int, raised: int
) -> None:
    command = [sys.executable, "-c", RAISE.format(soft=soft, hard=hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(raised), str(raised), str(hard)]
