"""README's walk-through, run for real: every command, and every line it is said to print."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from support.plant.stack import Background, Stack, run_stack
from support.plant.walkthrough import ids, read_steps, timeless
from support.waiting import wait_for

WORK_SECONDS = 10
STREAM = "vfactory events -f"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with run_stack(tmp_path / "home", VFACTORY_MONITORING="on") as stack:
        yield stack


def test_the_walk_through_prints_what_the_readme_shows(stack: Stack) -> None:
    steps = read_steps("README.md", "First walk-through")
    known: dict[str, str] = {}
    streams: list[tuple[Background, str]] = []
    with ExitStack() as opened:
        for step in steps:
            if step.command == STREAM:
                stream = opened.enter_context(stack.background(*STREAM.split()[1:]))
                said_first, shown = step.output.split("\n", 1)
                wait_for(partial(stream.has_said, f"{said_first}\n"), "the stream is open")
                streams.append((stream, shown))
                continue
            done = _run(stack, _with_own_ids(step.command, known), step.output)
            assert done.returncode == 0, done
            assert timeless(done.stdout) == timeless(step.output), step.command
            known.update(zip(ids(step.output), ids(done.stdout), strict=True))
        for stream, shown in streams:
            wait_for(partial(_has_shown, stream, shown), "the stream has shown it all")
            assert timeless(stream.out.read_text()) == timeless(shown)
            assert stream.interrupt() == 130

    assert len(steps) > 8
    assert len(streams) == 1


def test_both_readmes_show_the_same_walk_through() -> None:
    english = read_steps("README.md", "First walk-through")

    assert read_steps("README.ko.md", "첫 번째 따라 하기") == english


def _run(stack: Stack, command: str, shown: str) -> subprocess.CompletedProcess[str]:
    """Run a command; what only looks is run again while the plant is still at work."""
    only_looks = {"list", "show"} & set(command.split())
    give_up = time.monotonic() + (WORK_SECONDS if only_looks else 0)
    while True:
        done = stack.shell(command)
        if timeless(done.stdout) == timeless(shown) or time.monotonic() >= give_up:
            return done


def _has_shown(stream: Background, text: str) -> bool:
    return len(stream.lines) >= len(text.splitlines())


def _with_own_ids(command: str, known: dict[str, str]) -> str:
    for shown, own in known.items():
        command = command.replace(shown, own)
    return command
