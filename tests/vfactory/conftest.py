"""A whole running stack that the tests of the commands share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from running_stack import Stack


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that runs; whoever hurts it waits until it is healthy again."""
    stack = Stack(tmp_path_factory.mktemp("a stack"))
    stack.run("up", "--detach", code=0)
    yield stack
    stack.run("down", code=0)


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Make stacks of a test's own, none of which is left running_stack."""
    made: list[Stack] = []

    def make(name: str = "home", **variables: str) -> Stack:
        made.append(Stack(tmp_path / name, **variables))
        return made[-1]

    yield make
    for stack in made:
        stack.run("down")
