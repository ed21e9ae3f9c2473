import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vfactory.stack.errors import AlreadyRunningError
from vfactory.stack.state import find_supervisor, hold_lock


def test_there_is_one_supervisor_and_the_second_is_told_which(tmp_path: Path) -> None:
    assert find_supervisor(tmp_path / "home") is None
    with hold_lock(tmp_path / "home"):
        assert find_supervisor(tmp_path / "home") == os.getpid()
        with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"), hold_lock(tmp_path / "home"):
            pytest.fail("two supervisors")
    assert find_supervisor(tmp_path / "home") is None
    with hold_lock(tmp_path / "home"):
        pass


def test_somebody_who_only_asks_is_not_taken_for_a_supervisor(tmp_path: Path) -> None:
    with hold_lock(tmp_path):
        pass
    asked = threading.Event()

    def ask() -> None:
        while not asked.is_set():
            find_supervisor(tmp_path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            with hold_lock(tmp_path):
                assert find_supervisor(tmp_path) == os.getpid()
    finally:
        asked.set()
        asking.join()


HOLDER = """
import sys, time
from pathlib import Path
from vfactory.stack.state import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_supervisor_holds_nothing_any_more(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert find_supervisor(tmp_path) == holder.pid
        holder.send_signal(signal.SIGKILL)
    assert find_supervisor(tmp_path) is None
