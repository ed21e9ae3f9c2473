"""A process from start to end, each test with a real one."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from support.kit.processes import Sample, python, sample

STARTED = "Sample Service 시작 완료"
COMMANDS = (
    "api",
    "worker",
    "migrate",
    "fail",
    "misbehave",
    "log-much",
    "broken",
    "loaded",
    "shout",
    "gone",
)


@pytest.fixture
def service() -> Iterator[Sample]:
    with sample("api") as process:
        process.wait_for_message(STARTED)
        yield process


class InBackground:
    """One request running while the test goes on."""

    def __init__(self, process: Sample, path: str) -> None:
        self.text: str | None = None
        self.began = threading.Event()
        self._path = process.url + path
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self.began.wait(30)

    def _run(self) -> None:
        try:
            if "stream" not in self._path:
                threading.Timer(0.3, self.began.set).start()  # the request is with the service by then
            with httpx.stream("GET", self._path, timeout=30) as response:
                parts = []
                for part in response.iter_text():
                    parts.append(part)
                    self.began.set()
                self.text = "".join(parts)
        except httpx.HTTPError as error:
            self.text = type(error).__name__

    def result(self) -> str | None:
        self._thread.join(30)
        return self.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_service_with_code_0(service: Sample, number: signal.Signals) -> None:
    service.send(number)
    assert service.wait() == 0
    assert service.messages()[-3:] == ["Draining", "cleaned up", "Stopped"]


def test_collections_pass_over_what_the_start_has_made(service: Sample) -> None:
    assert service.get("/frozen").json() > 10_000


def test_sigint_ends_a_service_that_was_started_with_it_ignored() -> None:
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, {})"
    )
    command = [sys.executable, "-m", "support.kit.sample", "api"]
    with python("-c", ignoring.format(command)) as service:
        service.wait_for_message(STARTED)
        service.send(signal.SIGINT)
        assert service.wait() == 0


def test_a_draining_service_is_not_ready_but_still_answers_new_connections() -> None:
    with sample("api", DRAIN_SECONDS="2") as service:
        service.wait_for_message(STARTED)
        assert service.get("/ready").json() is True
        service.send(signal.SIGTERM)
        service.wait_for_message("Draining")
        assert service.get("/ready").json() is False
        assert service.get("/slow?seconds=0").json() == "done"
        assert service.wait() == 0


def test_a_draining_service_ends_each_connection_with_its_next_answer() -> None:
    with sample("api", DRAIN_SECONDS="3") as service, httpx.Client(base_url=service.url) as client:
        service.wait_for_message(STARTED)
        assert "connection" not in client.get("/ready").headers
        service.send(signal.SIGTERM)
        service.wait_for_message("Draining")
        for _ in range(2):  # the second on a connection of its own, after uvicorn has renewed its headers
            assert client.get("/ready").headers["connection"] == "close"
            time.sleep(1.2)
        assert service.wait() == 0


def test_streams_end_after_the_drain_and_not_before() -> None:
    with sample("api", DRAIN_SECONDS="1.5") as service:
        service.wait_for_message(STARTED)
        stream = InBackground(service, "/stream")
        service.send(signal.SIGTERM)
        service.wait_for_message("Draining")
        assert service.get("/ready").json() is False
        assert stream.text is None
        assert stream.result() == "begin\nend\n"
        assert service.wait() == 0


def test_a_request_in_flight_is_finished_before_the_end(service: Sample) -> None:
    request = InBackground(service, "/slow?seconds=2")
    service.send(signal.SIGTERM)
    assert request.result() == '"done"'
    assert service.wait() == 0


def test_a_request_that_outlives_the_shutdown_is_cut_and_cleanup_still_runs() -> None:
    with sample("api", SHUTDOWN_SECONDS="2") as service:
        service.wait_for_message(STARTED)
        request = InBackground(service, "/slow?seconds=60")
        service.send(signal.SIGTERM)
        assert request.result() != '"done"'
        assert service.wait() == 0
        assert "cleaned up" in service.messages()


def test_a_cleanup_that_hangs_is_ended_by_force_with_one_critical_line() -> None:
    with sample("api", SHUTDOWN_SECONDS="1", SAMPLE_STOP_SECONDS="60") as service:
        service.wait_for_message(STARTED)
        service.send(signal.SIGTERM)
        assert service.wait() == 1
        assert [line["message"] for line in service.lines("stderr")] == [
            "Shutdown did not finish in time: exiting"
        ]


def test_a_second_signal_exits_at_once(service: Sample) -> None:
    request = InBackground(service, "/slow?seconds=60")
    service.send(signal.SIGTERM)
    service.wait_for_message("Draining")
    service.send(signal.SIGTERM)
    assert service.wait() == 128 + signal.SIGTERM
    assert service.messages()[-1] == "Second signal: exiting at once"
    assert request.result() != '"done"'


def test_sigterm_while_the_app_starts_cancels_the_start_and_exits_0() -> None:
    with sample("api", SAMPLE_START_SECONDS="60") as service:
        service.wait_for_message("imported")
        time.sleep(1)
        service.send(signal.SIGTERM)
        assert service.wait(10) == 0
        assert service.messages()[-1] == "Stopped during start-up"


def test_sigterm_before_the_loop_exists_exits_0() -> None:
    with sample("worker", SAMPLE_IMPORT_SECONDS="60") as service:
        service.wait_for_message("imported")
        service.send(signal.SIGTERM)
        assert service.wait(10) == 0
        assert service.messages()[-1] == "Stopped during start-up"


def test_an_interrupted_migration_does_not_pass_for_a_finished_one() -> None:
    with sample("migrate", SAMPLE_WORK_SECONDS="60") as job:
        job.wait_for_message("migrating")
        job.send(signal.SIGTERM)
        assert job.wait(10) == 128 + signal.SIGTERM


def test_a_job_exits_with_the_code_it_returns() -> None:
    with sample("migrate") as job:
        assert job.wait() == 3
        assert [line["process"] for line in job.lines()] == ["migrate"]


def test_a_taken_port_is_one_critical_line_and_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with sample("api", PORT=str(port)) as service:
            assert service.wait() == 1
            [line] = service.lines("stderr")
    assert line["level"] == "CRITICAL"
    assert line["message"] == (
        f"Cannot listen on 127.0.0.1:{port} (Address already in use): set PORT or HOST to another one"
    )


def test_a_port_taken_while_the_app_starts_is_the_same_line() -> None:
    with sample("api", SAMPLE_START_SECONDS="2") as slow:
        slow.wait_for_message("imported")
        time.sleep(0.5)
        slow.send(signal.SIGSTOP)  # however long the other one takes to start
        with sample("api", PORT=str(slow.port)) as quick:
            quick.wait_for_message(STARTED)
            slow.send(signal.SIGCONT)
            assert slow.wait() == 1
            [line] = slow.lines("stderr")
            assert line["message"].startswith(f"Cannot listen on 127.0.0.1:{slow.port} (")
            assert slow.get("/ready").json() is True  # the port is the quick one's now


def test_a_host_of_another_machine_is_one_critical_line_and_code_1() -> None:
    with sample("api", HOST="192.0.2.1") as service:
        assert service.wait() == 1
        [line] = service.lines("stderr")
        assert line["message"].startswith("Cannot listen on 192.0.2.1:")


def test_a_failing_start_is_one_critical_line_with_its_traceback_and_code_1() -> None:
    with sample("api", SAMPLE_START_ERROR="no luck") as service:
        assert service.wait() == 1
        [line] = service.lines("stderr")
        assert line["level"] == "CRITICAL"
        assert line["exception"]["type"] == "RuntimeError"
        assert line["exception"]["message"] == "no luck"
        assert "lifespan" in line["exception"]["stacktrace"]


def test_a_wrong_setting_is_one_critical_line_that_names_it_and_code_78() -> None:
    with sample("api", PORT="eighty", DATABASE_URL="mysql://user:hunter2@host/db") as service:
        assert service.wait() == 78
        [line] = service.lines("stderr")
        assert line["level"] == "CRITICAL"
        assert "PORT: " in line["message"]
        assert "DATABASE_URL: must be a URL that begins with postgresql://" in line["message"]
        assert b"hunter2" not in b"".join(service.raw["stderr"])


@pytest.mark.parametrize("command", ["--help", "bogus", ""])
def test_an_unknown_command_is_one_critical_line_and_code_64(command: str) -> None:
    with sample(command) as process:
        assert process.wait() == 64
        [line] = process.lines()
        assert (line["level"], line["name"]) == ("CRITICAL", "sample")
        assert line["message"] == "Usage: python -m sample " + "|".join(COMMANDS)


def test_the_watchdog_ends_a_process_whose_loop_is_blocked_and_shows_where() -> None:
    with sample("api", WATCHDOG_SECONDS="1") as service:
        service.wait_for_message(STARTED)
        InBackground(service, "/block?seconds=60")
        assert service.wait() == 70
        [line] = service.lines("stderr")
        assert line["level"] == "CRITICAL"
        assert "time.sleep(seconds)" in line["stacks"][0]


def test_the_watchdog_ends_a_process_that_is_blocked_because_nobody_reads_its_lines() -> None:
    with sample("api", reading=False, WATCHDOG_SECONDS="1") as service:
        service.wait_until_it_answers("/ready")
        with pytest.raises(httpx.HTTPError):
            service.get("/shout")
        assert service.wait() == 70


def test_the_kernel_ends_a_process_whose_interpreter_lock_is_held() -> None:
    with sample("api", WATCHDOG_SECONDS="0.5") as service:
        service.wait_for_message(STARTED)
        InBackground(service, "/spin")
        assert service.wait() == -signal.SIGPROF


def test_the_watchdog_spares_a_process_that_was_stopped_as_a_whole() -> None:
    with sample("api", WATCHDOG_SECONDS="1") as service:
        service.wait_for_message(STARTED)
        service.send(signal.SIGSTOP)
        time.sleep(2.5)
        service.send(signal.SIGCONT)
        assert service.get("/ready").json() is True


def test_a_block_shorter_than_the_watchdogs_limit_is_endured() -> None:
    with sample("api", WATCHDOG_SECONDS="3") as service:
        service.wait_for_message(STARTED)
        assert service.get("/block?seconds=1").json() == "unblocked"
        assert service.get("/ready").json() is True


def test_an_answer_that_is_broken_off_is_one_warning_and_no_error() -> None:
    with sample("api") as process:
        process.wait_for_message("Sample Service 시작 완료")
        with pytest.raises(httpx.RemoteProtocolError):
            process.get("/broken-off")
        line = process.wait_for_message("An answer was broken off before its end")
        assert (line["level"], line["logger"]) == ("WARNING", "uvicorn.error")
        process.send(signal.SIGTERM)
        assert process.wait() == 0
        assert not process.lines("stderr")
