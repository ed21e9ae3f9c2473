import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from vfactory.stack.state import Part, StackRecord, end_orphans, read_record, write_record


@pytest.fixture
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def keep(home: Path, process: subprocess.Popen[bytes], created: float) -> None:
    part = Part(name="factory-core", kind="service", where="http://x", pid=process.pid, created=created)
    gone = Part(name="valkey", kind="server", where="x", pid=2**22 - 3, created=1.0)
    write_record(home, StackRecord(supervisor=1, state="running", logs="", parts=[part, gone]))


def test_what_a_killed_supervisor_recorded_is_ended(
    sleeping: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    keep(tmp_path, sleeping, psutil.Process(sleeping.pid).create_time())
    assert end_orphans(tmp_path) == ["factory-core"]
    assert sleeping.wait(5) != 0
    assert read_record(tmp_path) is None


def test_a_process_that_only_has_the_same_id_is_left_alone(
    sleeping: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    keep(tmp_path, sleeping, psutil.Process(sleeping.pid).create_time() - 100)
    assert end_orphans(tmp_path) == []
    time.sleep(0.2)
    assert sleeping.poll() is None


def test_without_a_record_there_is_nothing_to_end(tmp_path: Path) -> None:
    assert end_orphans(tmp_path) == []
