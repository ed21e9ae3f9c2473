"""Every process of every service ends by itself when its event loop no longer turns: within two minutes."""

import signal
import time
from collections.abc import Callable

import pytest
from deploy.rolling.manifests import read_deployments

from support.kit.processes import python
from utils.lifecycle import exits, watchdog
from utils.settings import ServiceSettings

TWO_MINUTES = 120
PROCESSES = [(one.service, one.arguments[-1]) for one in read_deployments()]
# The service as it is, but for what a signal does to its main thread, on which the event loop turns.
RUN = """
import re, runpy, signal, sys, time
def sleep(*_): time.sleep(3600)
def spin(*_): re.match("(a+)+$", "a" * 64 + "b")  # holds the interpreter's lock for ages
signal.signal(signal.SIGUSR1, sleep)
signal.signal(signal.SIGUSR2, spin)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
Environment = Callable[..., dict[str, str]]


@pytest.mark.parametrize(("service", "command"), PROCESSES)
def test_a_process_whose_loop_is_blocked_ends_with_one_critical_line_that_shows_where(
    service: str, command: str, environment_for: Environment
) -> None:
    variables = environment_for(service, WATCHDOG_SECONDS="1")
    with python("-c", RUN, service.replace("-", "_"), command, reading=True, **variables) as process:
        process.wait_until_it_answers("/health/live")
        process.send(signal.SIGUSR1)
        assert process.wait() == exits.EX_SOFTWARE
        [line] = process.lines("stderr")
        assert line["level"] == "CRITICAL"
        assert line["name"] == service
        assert line["message"] == "The event loop has been blocked for too long: exiting"
        assert "in sleep" in line["stacks"][0]


def test_a_service_whose_interpreter_is_held_is_ended_by_the_kernel(environment_for: Environment) -> None:
    variables = environment_for("factory-core", WATCHDOG_SECONDS="1")
    with python("-c", RUN, "factory_core", "api", reading=True, **variables) as process:
        process.wait_until_it_answers("/health/live")
        process.send(signal.SIGUSR2)
        assert process.wait() == -signal.SIGPROF


def test_a_worker_that_is_only_busy_is_left_alone(environment_for: Environment) -> None:
    variables = environment_for("incident-event", WATCHDOG_SECONDS="2")
    with python("-c", RUN, "incident_event", "worker", reading=True, **variables) as process:
        process.wait_until_it_answers("/health/live")
        time.sleep(4)
        process.get("/health/live")
        process.send(signal.SIGTERM)
        assert process.wait() == 0


def test_what_is_set_and_what_is_set_by_default_ends_a_process_within_two_minutes() -> None:
    default = ServiceSettings(database_url="postgresql://u:p@127.0.0.1/x").watchdog_seconds
    deployed = {float(one.variables["WATCHDOG_SECONDS"]) for one in read_deployments()}
    for seconds in {default, *deployed}:
        # The thread notices one beat and two looks late at the most, and then waits for its last words.
        beat = watchdog._BEAT_SECONDS
        assert seconds + beat + 2 * beat + exits._LAST_WORDS_SECONDS < TWO_MINUTES
        # Where the thread cannot run either, the kernel counts the process's own time, which on a busy
        # machine passes more slowly than a clock's: by a quarter here.
        assert watchdog.KERNEL_FACTOR * seconds * 4 / 3 <= TWO_MINUTES
