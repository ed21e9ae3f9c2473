"""Every line of a whole process is JSON, also what nobody meant to log; and no broken output ends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT
from support.kit.processes import Line, parse_line, python, sample

TESTS = ROOT / "tests"
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS)}


@pytest.fixture(scope="module")
def noisy() -> list[Line]:
    """The lines of a process that does everything wrong, under Python's development mode."""
    with python("-X", "dev", "-m", "support.kit.sample", "misbehave", PYTHONWARNINGS="always") as process:
        assert process.wait() == 0
        return process.lines()


def containing(lines: list[Line], text: str) -> Line:
    [line] = [line for line in lines if text in line["message"] or text in str(line.get("exception"))]
    return line


def test_all_lines_carry_the_service_and_its_process(noisy: list[Line]) -> None:
    assert {(line["name"], line["process"]) for line in noisy} == {("sample", "misbehave")}


def test_a_python_warning_is_a_line(noisy: list[Line]) -> None:
    assert containing(noisy, "DeprecationWarning: old way")["logger"] == "py.warnings"
    assert containing(noisy, "ResourceWarning: unclosed file")["level"] == "WARNING"


def test_printed_text_is_a_line_each(noisy: list[Line]) -> None:
    assert containing(noisy, "in two lines")["message"] == "in two lines"
    assert containing(noisy, "half a line, the other half")["level"] == "ERROR"


def test_an_exception_in_a_thread_is_a_line(noisy: list[Line]) -> None:
    line = containing(noisy, "무너짐")
    assert (line["level"], line["thread_name"]) == ("ERROR", "unlucky")
    assert line["exception"]["message"] == "무너짐 at postgresql://***@db/x"


def test_an_exception_in_a_finaliser_is_a_line(noisy: list[Line]) -> None:
    assert "Unlucky.__del__" in containing(noisy, "in a finaliser")["message"]


def test_an_exception_nobody_retrieved_is_a_line(noisy: list[Line]) -> None:
    assert containing(noisy, "never retrieved")["logger"] == "asyncio"


def test_an_uncaught_exception_is_one_critical_line_and_code_1() -> None:
    with python("-c", "import utils.logging; raise ValueError('a\\nb')", SERVICE_NAME="x") as process:
        assert process.wait() == 1
        [line] = process.lines("stderr")
        assert (line["level"], line["exception"]["message"]) == ("CRITICAL", "a\nb")


@pytest.mark.parametrize(("command", "kind"), [("gone", "ModuleNotFoundError"), ("broken", "ImportError")])
def test_a_service_that_cannot_be_imported_is_one_critical_line_and_code_1(command: str, kind: str) -> None:
    with sample(command) as process:
        assert process.wait() == 1
        [line] = process.lines()
        assert (line["level"], line["exception"]["type"]) == ("CRITICAL", kind)


def test_an_exit_with_a_text_is_one_critical_line_and_code_1() -> None:
    with sample("shout") as process:
        assert process.wait() == 1
        assert [line["level"] for line in process.lines("stderr")] == ["ERROR", "CRITICAL"]
        assert process.lines("stderr")[-1]["message"] == "a bare text"


@pytest.mark.parametrize("level", ["", "loud", "WARN"])
def test_a_bad_log_level_is_one_warning_under_the_services_name(level: str) -> None:
    with sample("migrate", LOG_LEVEL=level) as process:
        assert process.wait() == 3
        complaint, working = process.lines()
        assert (complaint["level"], complaint["name"]) == ("WARNING", "sample")
        assert complaint["log_level"] == level
        assert working["message"] == "migrating"


def run_into(stdout: int, stderr: int, lines: int) -> int:
    """Run a process that logs to these descriptors and return its exit code."""
    command = [sys.executable, "-m", "support.kit.sample", "log-much"]
    environment = {**ENVIRONMENT, "SAMPLE_LINES": str(lines)}
    return subprocess.run(command, stdout=stdout, stderr=stderr, env=environment, check=False).returncode


def test_a_full_disk_raises_nothing_and_the_other_stream_goes_on(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with Path("/dev/full").open("wb") as full, errors.open("wb") as file:
        assert run_into(full.fileno(), file.fileno(), 50) == 0
    assert [parse_line(line)["message"] for line in errors.read_bytes().splitlines()] == [
        f"line {number}" for number in range(50)
    ]


def test_a_pipe_nobody_reads_any_more_raises_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert run_into(writing, writing, 50) == 0
    finally:
        os.close(writing)


def test_closed_standard_streams_raise_nothing() -> None:
    command = f"exec {sys.executable} -m support.kit.sample log-much >&- 2>&-"
    environment = {**ENVIRONMENT, "SAMPLE_LINES": "50"}
    assert subprocess.run(["/bin/sh", "-c", command], env=environment, check=False).returncode == 0


def test_lines_of_many_threads_stay_whole() -> None:
    code = """
import threading
from utils.logging import logger
def work():
    for _ in range(50): logger.info("x" * 7000)
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
"""
    with python("-c", code) as process:
        assert process.wait() == 0
        assert len(process.lines()) == 400
