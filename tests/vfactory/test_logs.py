import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.plant.stack import COMMAND, Stack
from support.waiting import wait_for
from vfactory.commands.logs import harmless


def line(number: int, **more: str) -> str:
    return json.dumps({"timestamp": f"2026-01-15T10:30:{number:02d}.000000Z", **more}, separators=(",", ":"))


@pytest.fixture
def quiet(tmp_path: Path) -> Stack:
    """A stack that does not run and has left three logs."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "factory-core.log").write_text(f"{line(1)}\n{line(4)}\n")
    (logs / "incident-event.log").write_text(f"{line(3)}\n")
    (logs / "incident-event.log.1").write_text(f"{line(2)}\n")
    (logs / "postgres.log").write_text("2026-01-15 10:30:00.000 UTC [1] LOG:  started\n")
    return Stack(tmp_path)


def test_without_a_name_the_lines_of_all_services_come_by_time(quiet: Stack) -> None:
    assert quiet.run("logs", code=0).stdout.splitlines() == [line(number) for number in range(1, 5)]


def test_a_name_chooses_one_and_a_number_the_last_lines(quiet: Stack) -> None:
    assert quiet.run("logs", "incident-event", code=0).stdout.splitlines() == [line(2), line(3)]
    assert quiet.run("logs", "-n", "1", code=0).stdout.splitlines() == [line(4)]
    assert quiet.run("logs", "-n", "0", code=0).stdout == ""
    assert "started" in quiet.run("logs", "postgres", code=0).stdout


def test_an_unknown_name_is_refused_with_the_known_ones(quiet: Stack) -> None:
    refused = quiet.run("logs", "factory-cor", code=2)
    assert "factory-core-worker" in refused.stderr


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x9b31m", "\\u009b31m"),
        ("\u202e", "\\u202e"),
        ("\x7f", "\\u007f"),
        ("\u2028", "\\u2028"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("압력 °C", "압력 °C"),
    ],
)
def test_a_character_that_steers_a_terminal_is_escaped_and_means_the_same(
    quiet: Stack, raw: str, shown: str
) -> None:
    text = json.dumps({"message": raw}, ensure_ascii=False)
    (quiet.home / "logs" / "factory-core.log").write_text(f"{text}\n", encoding="utf-8")
    said = quiet.run("logs", "factory-core", code=0).stdout
    assert said == f'{{"message": "{shown}"}}\n'
    assert json.loads(said) == {"message": raw}


@given(st.binary())
def test_no_line_of_any_bytes_steers_a_terminal(raw: bytes) -> None:
    shown = harmless(raw.replace(b"\n", b" ") + b"\n")
    assert shown.endswith(b"\n")
    text = shown[:-1].decode("utf-8", "backslashreplace")
    assert all(character.isprintable() or character == "\t" for character in text)


def test_native_logs_are_escaped_alike(quiet: Stack) -> None:
    (quiet.home / "logs" / "postgres.log").write_bytes(b"LOG:\tuser \x1b]0;owned\x07\r\n")
    assert quiet.run("logs", "postgres", code=0).stdout == "LOG:\tuser \\u001b]0;owned\\u0007\\r\n"


def test_before_the_first_start_there_are_no_logs(tmp_path: Path) -> None:
    assert "vfactory up" in Stack(tmp_path).run("logs", code=3).stderr


def test_following_shows_the_last_lines_and_what_comes_until_ctrl_c(quiet: Stack) -> None:
    with quiet.start("logs", "-f", "-n", "1") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == f"{line(4)}\n"
        with (quiet.home / "logs" / "factory-core.log").open("a") as log:
            log.write(f"{line(5)}\n")
        assert following.stdout.readline() == f"{line(5)}\n"
        (quiet.home / "logs" / "asset-management.log").write_text(f"{line(6)}\n")
        assert following.stdout.readline() == f"{line(6)}\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130
        assert following.communicate() == ("", "")


def test_a_reader_that_has_seen_enough_ends_it_quietly(quiet: Stack) -> None:
    with (quiet.home / "logs" / "factory-core.log").open("a") as log:
        log.writelines(f"{line(59, message='x' * 1000)}\n" for _ in range(2000))
    read_one = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(
            [COMMAND, "logs"], env=quiet.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as logs,
        subprocess.Popen(read_one, stdin=logs.stdout),
    ):
        assert logs.stdout is not None
        logs.stdout.close()
        assert logs.stderr is not None
        assert logs.stderr.read() == b""


def test_every_line_of_every_process_is_json_with_the_four_fields(running_stack: Stack) -> None:
    lines = running_stack.run("logs", code=0).stdout.splitlines()
    records = [json.loads(text) for text in lines]
    assert all(list(record)[:4] == ["timestamp", "level", "name", "message"] for record in records)
    assert {record["name"] for record in records} == {
        "factory-core",
        "incident-event",
        "asset-management",
        "vfactory",
    }
    assert [record["timestamp"] for record in records] == sorted(record["timestamp"] for record in records)


def test_a_request_shows_in_its_services_log_at_once(running_stack: Stack) -> None:
    url = running_stack.part("factory-core")["where"]
    httpx.get(f"{url}/v1/factories", headers={"X-Request-ID": f"seen-{os.getpid()}"})
    wait_for(lambda: f"seen-{os.getpid()}" in running_stack.run("logs", "factory-core", "-n", "20").stdout)
