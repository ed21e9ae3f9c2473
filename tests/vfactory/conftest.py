"""A whole running stack that the tests of the commands share, and a disk that is too small for one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.plant.stack import Stack, run_stack


@pytest.fixture(scope="session")
def running_stack(
    copy_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack that runs; whoever hurts it waits until it is healthy again."""
    with run_stack(copy_home(tmp_path_factory.mktemp("a stack"))) as stack:
        yield stack


@pytest.fixture
def make_stack(copy_home: Callable[[Path], Path], tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Make stacks of a test's own, none of which is left running; `first` is one that has never run."""
    made: list[Stack] = []

    def make(name: str = "home", *, first: bool = False, **variables: str) -> Stack:
        home = tmp_path / name
        made.append(Stack(home if first else copy_home(home), **variables))
        return made[-1]

    yield make
    for stack in made:
        stack.run("down")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB; only root may make one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk, and not everywhere")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)
