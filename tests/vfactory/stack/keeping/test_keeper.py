import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded import Program, launch
from support.waiting import wait_for
from vfactory.stack.errors import StackError
from vfactory.stack.keeping import Job, Keeper
from vfactory.stack.keeping.job import Start
from vfactory.stack.logs import LogFile
from vfactory.stack.state import Part

STAY = "import time; print('here', flush=True); time.sleep(60)"


class Watched:
    """A keeper of a small Python program, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.log = LogFile(folder / "x.log", limit=10_000_000, on_loss=lambda count: b"lost %d\n" % count)
        self.said: list[str] = []
        self.parts: list[Part] = []
        self.keepers: list[Keeper] = []

    def keep(
        self, code: str, *, once: bool = False, patience: float = 10, start: Start | None = None
    ) -> Keeper:
        def run(output: int, errors: int) -> subprocess.Popen[bytes]:
            program = Program([sys.executable, "-I", "-S", "-c", code], Path("/"), {"PATH": os.defpath})
            return launch(program, output=output, errors=errors)

        part = Part(name="x", kind="service", where="http://x")
        job = Job(
            part=part, start=start or run, log=self.log, is_ready=lambda: True, once=once, patience=patience
        )
        keeper = Keeper(job, changed=lambda: self.parts.append(keeper.part), said=self.said.append)
        self.keepers.append(keeper)
        keeper.start()
        return keeper

    def lines(self) -> list[bytes]:
        return self.log.path.read_bytes().splitlines() if self.log.path.exists() else []


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    for keeper in watched.keepers:
        keeper.stop()
        keeper.join()


def test_a_killed_process_comes_back_and_it_is_told(watched: Watched) -> None:
    keeper = watched.keep(STAY)
    wait_for(lambda: len(watched.lines()) == 1)
    assert keeper.part.pid is not None
    os.kill(keeper.part.pid, signal.SIGKILL)
    wait_for(lambda: len(watched.lines()) == 2)
    assert keeper.part.restarts == 1
    assert keeper.part.state == "running"
    assert keeper.part.last_end == "was ended by SIGKILL"
    assert watched.said == ["x was ended by SIGKILL; starting it again in 0.5 s."]


def test_who_ends_again_and_again_is_started_more_and_more_slowly(watched: Watched) -> None:
    keeper = watched.keep("raise SystemExit(3)")
    wait_for(lambda: keeper.part.restarts == 3)
    assert watched.said == [
        f"x ended with code 3; starting it again in {delay} s." for delay in ("0.5", "1", "2")
    ]


def test_stopping_does_not_wait_for_the_next_start(watched: Watched) -> None:
    keeper = watched.keep("raise SystemExit(3)")
    wait_for(lambda: keeper.part.restarts == 3)
    began = time.monotonic()
    keeper.stop()
    keeper.join()
    assert time.monotonic() - began < 1.5
    assert keeper.part.state == "ended"


def test_who_stops_when_asked_is_not_started_again_nor_complained_of(watched: Watched) -> None:
    keeper = watched.keep(STAY)
    wait_for(lambda: len(watched.lines()) == 1)
    keeper.stop()
    keeper.join(10)
    assert not keeper.is_alive()
    assert watched.said == []
    assert keeper.code == -signal.SIGTERM


def test_who_does_not_stop_when_asked_is_killed(watched: Watched) -> None:
    keeper = watched.keep(
        f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAY}", patience=0.3
    )
    wait_for(lambda: len(watched.lines()) == 1)
    keeper.stop()
    keeper.join(10)
    assert keeper.code == -signal.SIGKILL
    assert watched.said == ["x did not end within 0.3 s: killing it."]


def test_a_stopped_process_is_woken_to_end(watched: Watched) -> None:
    keeper = watched.keep(STAY)
    wait_for(lambda: len(watched.lines()) == 1)
    assert keeper.part.pid is not None
    os.kill(keeper.part.pid, signal.SIGSTOP)
    keeper.stop()
    keeper.join(8)
    assert keeper.code == -signal.SIGTERM


def test_a_stop_during_the_start_is_kept_in_mind(watched: Watched) -> None:
    starting, go_on = threading.Event(), threading.Event()

    def slow(output: int, errors: int) -> subprocess.Popen[bytes]:
        starting.set()
        go_on.wait()
        program = Program(["/bin/sleep", "60"], Path("/"), {"PATH": os.defpath})
        return launch(program, output=output, errors=errors)

    keeper = watched.keep("", start=slow)
    starting.wait()
    keeper.stop()
    go_on.set()
    keeper.join(10)
    assert not keeper.is_alive()


def test_what_cannot_be_started_is_tried_again_and_its_reason_known(watched: Watched) -> None:
    def refuse(_output: int, _errors: int) -> subprocess.Popen[bytes]:
        raise StackError("no way")

    keeper = watched.keep("", start=refuse)
    wait_for(lambda: keeper.part.restarts == 2)
    assert watched.said[0] == "x could not be started: no way; starting it again in 0.5 s."


def test_what_runs_once_leaves_its_code_and_its_last_words(watched: Watched) -> None:
    fields = '{"level":"CRITICAL","message":"broken","exception":{"type":"ValueError","message":"why"}}'
    keeper = watched.keep(f"import sys; print('{fields}'); print('{{}}'); sys.exit(4)", once=True)
    keeper.join()
    assert keeper.code == 4
    assert keeper.last_words() == "broken: ValueError: why"
    assert watched.said == []


def test_every_line_is_json_whatever_the_process_prints(watched: Watched) -> None:
    watched.keep(
        "import sys; print('naked'); print('{\"a\":1}'); print(); sys.exit('the end')", once=True
    ).join()
    first, second, third = sorted(watched.lines(), key=len)
    assert first == b'{"a":1}'
    assert b'"level":"INFO","name":"x","message":"naked","stream":"stdout"' in second
    assert b'"level":"ERROR","name":"x","message":"the end","stream":"stderr"' in third


def test_its_record_names_the_process_while_it_runs(watched: Watched) -> None:
    keeper = watched.keep(STAY)
    wait_for(lambda: len(watched.lines()) == 1)
    assert [part.state for part in watched.parts] == ["starting", "running"]
    assert keeper.part.created == pytest.approx(time.time(), abs=30)
    keeper.stop()
    keeper.join()
    assert (keeper.part.state, keeper.part.pid) == ("ended", None)
