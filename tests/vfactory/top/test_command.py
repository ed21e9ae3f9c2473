"""`vfactory top` as a person runs it: without a terminal, in one, and with the monitoring."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.plant.stack import COMMAND, Stack
from support.waiting import PATIENCE_SECONDS, wait_for

LEFT_ALONE = b"\x1b[?1049l"  # back from the alternate screen
SHOWS_CURSOR = b"\x1b[?25h"


class Terminal:
    """A program that runs in a terminal of its own."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 180, 0, 0))
        environment = {**stack.environment, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.output = b""

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def read_until(self, text: bytes) -> None:
        wait_for(lambda: self._read() and text in self.output)

    def end(self) -> int:
        """Read what is still written, and give the exit code."""
        wait_for(lambda: self._read() and self.process.poll() is not None)
        os.close(self._ours)
        return self.process.returncode

    def _read(self) -> bool:
        while select.select([self._ours], [], [], 0)[0]:
            try:
                self.output += os.read(self._ours, 65536)
            except OSError:  # the program has closed its side
                break
        return True


@contextmanager
def frozen(stack: Stack, *names: str) -> Iterator[None]:
    processes = [psutil.Process(stack.part(name)["pid"]) for name in names]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)
        stack.wait_until_healthy()


def test_without_a_terminal_it_prints_one_table(running_stack: Stack) -> None:
    lines = running_stack.run("top", "--interval", "0.5", code=0).stdout.splitlines()
    assert "/metrics of every process, rates over" in lines[0]
    assert lines[2].split()[:3] == ["process", "health", "requests"]
    assert lines[3].startswith("factory-core")
    assert any("Install Prometheus" in line for line in lines)


def test_json_is_one_document_with_what_was_measured(running_stack: Stack) -> None:
    told = json.loads(running_stack.run("top", "--json", "--interval", "0.5", code=0).stdout)
    assert told["source"] == "metrics"
    assert told["window_seconds"] == pytest.approx(0.5, abs=5)
    assert told["alerts"] is None
    figures = {row["name"]: row["figures"] for row in told["rows"]}
    assert len(figures) == 5
    resident = psutil.Process(running_stack.part("factory-core")["pid"]).memory_info().rss
    assert figures["factory-core"]["memory_bytes"] == pytest.approx(resident, rel=0.2)
    assert figures["factory-core"]["p99_seconds"] is None
    assert figures["incident-event-worker"]["lag_events"] == 0
    assert figures["factory-core"]["lag_events"] is None


def test_a_service_is_chosen_with_its_worker(running_stack: Stack) -> None:
    arguments = ("top", "--json", "--interval", "0.5", "--service", "factory-core")
    told = json.loads(running_stack.run(*arguments, code=0).stdout)
    assert [row["name"] for row in told["rows"]] == ["factory-core", "factory-core-worker"]


def test_a_service_that_is_none_is_refused_with_the_names_of_those_there_are(running_stack: Stack) -> None:
    refused = running_stack.run("top", "--once", "--service", "conveyor", code=2)
    assert "conveyor" in refused.stderr
    assert "factory-core, incident-event, asset-management" in refused.stderr


@pytest.mark.parametrize("interval", ["0.4", "61", "nan"])
def test_an_interval_has_bounds(running_stack: Stack, interval: str) -> None:
    assert "--interval" in running_stack.run("top", "--once", "--interval", interval, code=2).stderr


def test_a_frozen_service_costs_seconds_and_is_told(running_stack: Stack) -> None:
    with frozen(running_stack, "incident-event"):
        begun = time.monotonic()
        told = json.loads(running_stack.run("top", "--json", "--interval", "0.5", code=4).stdout)
        assert time.monotonic() - begun < 15
    row = next(row for row in told["rows"] if row["name"] == "incident-event")
    assert row["condition"] == "silent"
    assert set(row["figures"].values()) == {None}


def test_one_look_can_be_interrupted(running_stack: Stack) -> None:
    with running_stack.start("top", "--once", "--interval", "60") as process:
        files = Path(f"/proc/{process.pid}/fd")
        wait_for(lambda: any("eventpoll" in str(file.resolve()) for file in files.iterdir()))  # it has begun
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130
        assert said == ""


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    assert "vfactory up" in Stack(tmp_path).run("top", code=3).stderr


@pytest.mark.parametrize(("key", "code"), [(b"q", 0), (b"\x03", 130)])
def test_a_key_ends_it_and_leaves_the_terminal_clean(running_stack: Stack, key: bytes, code: int) -> None:
    terminal = Terminal(running_stack, "top")
    terminal.read_until(b"asset-management")
    terminal.press(key)
    assert terminal.end() == code
    assert LEFT_ALONE in terminal.output
    assert terminal.output.rindex(SHOWS_CURSOR) > terminal.output.rindex(b"asset-management")
    assert b"Traceback" not in terminal.output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_like_a_key(running_stack: Stack, number: signal.Signals, code: int) -> None:
    terminal = Terminal(running_stack, "top")
    terminal.read_until(b"asset-management")
    terminal.process.send_signal(number)
    assert terminal.end() == code
    assert LEFT_ALONE in terminal.output


def test_in_a_terminal_an_unknown_service_is_refused_as_well(running_stack: Stack) -> None:
    terminal = Terminal(running_stack, "top", "--service", "conveyor")
    assert terminal.end() == 2
    assert b"There is no service conveyor" in terminal.output


def test_the_command_line_does_not_load_what_only_this_command_needs() -> None:
    script = "import sys, vfactory.cli; print('textual' in sys.modules, 'prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
