"""README's walk-through, run for real: every command, and every line it is said to print."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from support.plant.local_plant import Background, LocalPlant, Outcome, local_plant, wait_for
from support.plant.walkthrough import ids, read_steps, timeless

WORK_SECONDS = 10
STREAM = "vfactory events -f"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[LocalPlant]:
    with local_plant(tmp_path) as running:
        yield running


def test_the_walk_through_prints_what_the_readme_shows(plant: LocalPlant) -> None:
    steps = read_steps("README.md", "First walk-through")
    known: dict[str, str] = {}
    streams: list[tuple[Background, str]] = []
    with ExitStack() as stack:
        for step in steps:
            if step.command == STREAM:
                stream = stack.enter_context(plant.background(*STREAM.split()[1:]))
                wait_for("the stream is open", partial(stream.has_said, "listening"))
                streams.append((stream, step.output))
                continue
            outcome = _run(plant, _with_own_ids(step.command, known), step.output)
            assert outcome.code == 0, outcome
            assert timeless(outcome.out) == timeless(step.output), step.command
            known.update(zip(ids(step.output), ids(outcome.out), strict=True))
        for stream, shown in streams:
            wait_for(
                "the stream has shown it all",
                partial(_has_shown, stream, shown),
            )
            assert timeless(stream.out.read_text()) == timeless(shown)
            assert stream.interrupt() == 130

    assert len(steps) > 8
    assert len(streams) == 1


def test_both_readmes_show_the_same_walk_through() -> None:
    english = read_steps("README.md", "First walk-through")

    assert read_steps("README.ko.md", "첫 번째 따라 하기") == english


def _run(plant: LocalPlant, command: str, shown: str) -> Outcome:
    """Run a command; what only looks is run again while the plant is still at work."""
    only_looks = {"list", "show"} & set(command.split())
    give_up = time.monotonic() + (WORK_SECONDS if only_looks else 0)
    while True:
        outcome = plant.shell(command)
        if timeless(outcome.out) == timeless(shown) or time.monotonic() >= give_up:
            return outcome


def _has_shown(stream: Background, text: str) -> bool:
    return len(stream.lines) >= len(text.splitlines())


def _with_own_ids(command: str, known: dict[str, str]) -> str:
    for shown, own in known.items():
        command = command.replace(shown, own)
    return command
