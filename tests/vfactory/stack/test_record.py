import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vfactory.stack.errors import AlreadyRunningError
from vfactory.stack.record import Part, Record, read_record, remove_record, sole, supervisor, write_record

RECORD = Record(
    supervisor=7,
    state="running",
    logs="/logs",
    parts=[
        Part(name="factory-core", kind="service", where="http://127.0.0.1:8001", pid=8, created=1.5),
        Part(name="postgres", kind="server", where="127.0.0.1:15432"),
    ],
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD
    remove_record(tmp_path)
    remove_record(tmp_path)
    assert read_record(tmp_path) is None


def test_only_services_have_addresses() -> None:
    assert RECORD.urls() == {"factory-core": "http://127.0.0.1:8001"}


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"supervisor": "x"}', b"\xff\xfe"])
def test_a_damaged_record_counts_as_none(damaged: bytes, tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_bytes(damaged)
    assert read_record(tmp_path) is None


def test_there_is_one_supervisor_and_the_second_is_told_which(tmp_path: Path) -> None:
    assert supervisor(tmp_path / "home") is None
    with sole(tmp_path / "home"):
        assert supervisor(tmp_path / "home") == os.getpid()
        with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"), sole(tmp_path / "home"):
            pytest.fail("two supervisors")
    assert supervisor(tmp_path / "home") is None
    with sole(tmp_path / "home"):
        pass


def test_somebody_who_only_asks_is_not_taken_for_a_supervisor(tmp_path: Path) -> None:
    with sole(tmp_path):
        pass
    asked = threading.Event()

    def ask() -> None:
        while not asked.is_set():
            supervisor(tmp_path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            with sole(tmp_path):
                assert supervisor(tmp_path) == os.getpid()
    finally:
        asked.set()
        asking.join()


HOLDER = """
import sys, time
from pathlib import Path
from vfactory.stack.record import sole
with sole(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_supervisor_holds_nothing_any_more(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert supervisor(tmp_path) == holder.pid
        holder.send_signal(signal.SIGKILL)
    assert supervisor(tmp_path) is None
