"""The guide's chapter 로깅 시스템, statement by statement."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from support.servers import RunningProcess

Start = Callable[..., RunningProcess]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
EACH_LEVEL = """
from utils.logging import logger
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(logger, level)(level)
"""
USAGE_EXAMPLE = """
from utils.logging import logger

logger.info("서비스 시작 중...")
logger.warning("경고 메시지")
logger.error("에러 발생", extra={"error_code": 500})
"""


def run(code: str, **environment: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run Python code as a service would and return the lines of stdout and of stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    out, err = ([json.loads(line) for line in text.splitlines()] for text in (done.stdout, done.stderr))
    return out, err


def test_every_service_logs_to_stdout_and_stderr_and_every_line_is_json(
    asked_once_and_ended: RunningProcess, each_service: str
) -> None:
    assert asked_once_and_ended.stdout
    for line in asked_once_and_ended.lines:
        entry = json.loads(line)
        assert list(entry)[:4] == ["timestamp", "level", "name", "message"], line
        assert TIMESTAMP.fullmatch(entry["timestamp"])
        assert entry["level"] in LEVELS
        assert entry["name"] == each_service


def test_a_fault_at_the_start_is_told_on_stderr(running: Start, each_service: str) -> None:
    service = running(each_service, env={"DATABASE_URL": "nonsense"}, wait=False)
    assert service.wait_exit() != 0

    assert [json.loads(line)["level"] for line in service.stderr] == ["CRITICAL"]


@pytest.mark.parametrize(
    ("service", "process"),
    [
        ("factory-core", "worker"),
        ("incident-event", "worker"),
        ("factory-core", "migrate"),
        ("incident-event", "migrate"),
        ("asset-management", "migrate"),
    ],
)
def test_workers_and_migrations_log_the_same_way_and_say_which_process_they_are(
    running: Start, service: str, process: str
) -> None:
    program = running(service, process, wait=process == "worker")
    assert (program.stop() if process == "worker" else program.wait_exit(60)) == 0

    assert program.lines
    for line in program.lines:
        entry = json.loads(line)
        assert list(entry)[:4] == ["timestamp", "level", "name", "message"], line
        assert (entry["name"], entry["process"]) == (service, process)


def test_lines_below_error_are_on_stdout_and_the_others_on_stderr(
    asked_once_and_ended: RunningProcess,
) -> None:
    out, err = asked_once_and_ended.stdout, asked_once_and_ended.stderr
    assert {json.loads(line)["level"] for line in out} <= {"DEBUG", "INFO", "WARNING"}
    assert {json.loads(line)["level"] for line in err} <= {"ERROR", "CRITICAL"}


def test_a_log_level_that_is_none_of_the_five_means_info_and_one_warning(
    running: Start, each_service: str
) -> None:
    service = running(each_service, env={"LOG_LEVEL": "상세"})
    service.stop()

    entries = [json.loads(line) for line in service.lines]
    assert [entry["log_level"] for entry in entries if entry["level"] == "WARNING"] == ["상세"]
    assert {entry["level"] for entry in entries} == {"INFO", "WARNING"}


@pytest.mark.parametrize("level", LEVELS)
def test_log_level_sets_the_level(level: str) -> None:
    out, err = run(EACH_LEVEL, LOG_LEVEL=level, SERVICE_NAME="factory-core")

    assert [entry["level"] for entry in [*out, *err]] == list(LEVELS[LEVELS.index(level) :])


def test_the_log_format_is_the_guides_example() -> None:
    code = 'from utils.logging import logger; logger.info("Factory Core Service 시작 완료")'
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SERVICE_NAME": "factory-core"},
        capture_output=True,
        text=True,
        check=True,
    )
    timeless = TIMESTAMP.sub("2026-01-15T10:30:00.123456Z", done.stdout)

    assert timeless == (
        '{"timestamp":"2026-01-15T10:30:00.123456Z","level":"INFO","name":"factory-core",'
        '"message":"Factory Core Service 시작 완료"}\n'
    )


def test_the_usage_example_works_in_every_service(each_service: str) -> None:
    out, err = run(USAGE_EXAMPLE, SERVICE_NAME=each_service)

    told = [(entry["level"], entry["name"], entry["message"]) for entry in [*out, *err]]
    assert told == [
        ("INFO", each_service, "서비스 시작 중..."),
        ("WARNING", each_service, "경고 메시지"),
        ("ERROR", each_service, "에러 발생"),
    ]
    assert err[0]["error_code"] == 500
