import os
import signal
import time
from collections.abc import Callable

import psutil

from embedded import is_alive
from support.plant.stack import Stack
from support.waiting import wait_for


def test_without_a_stack_there_is_nothing_to_stop(make_stack: Callable[..., Stack]) -> None:
    assert "does not run" in make_stack(first=True).run("down", code=0).stdout


def test_a_supervisor_that_does_not_answer_is_killed_and_what_it_ran_is_ended(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack()
    stack.run("up", "-d", code=0)
    supervisor, *others = stack.processes()
    postgres = psutil.Process(stack.part("postgres")["pid"])
    postgres.suspend()
    others.remove(postgres)
    os.kill(supervisor.pid, signal.SIGSTOP)
    began = time.monotonic()
    # woken, it goes on to stop; one whose parts do not let go has no time left
    stack.run("down", "--patience", "0", code=0)
    assert time.monotonic() - began < 60
    wait_for(lambda: not any(is_alive(process) for process in (supervisor, postgres, *others)))
