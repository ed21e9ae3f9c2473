import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from embedded import Program, end_processes, find_processes, is_alive, launch
from embedded.identity import MYSELF, Identity, candidates
from support.waiting import wait_for

ENVIRONMENT = {"PATH": os.defpath, "GREETING": "안녕"}


def program(code: str, directory: Path, identity: Identity = MYSELF) -> Program:
    return Program([sys.executable, "-I", "-S", "-c", code], directory, ENVIRONMENT, identity)


def test_a_program_runs_where_and_with_what_it_is_told_and_nothing_else(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), sorted(os.environ), sys.stdin.read(), os.umask(0))"
    process = launch(program(code, tmp_path), output=subprocess.PIPE, text="input")
    said = process.communicate()[0].decode()
    known = {"GREETING", "PATH", "LC_CTYPE"}  # Python adds LC_CTYPE itself in the C locale
    assert said.startswith(f"{tmp_path} ")
    assert set(eval(said.split(" ", 1)[1].rsplit("]", 1)[0] + "]")) <= known  # noqa: S307
    assert said.endswith(" input 63\n")


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    process = launch(Program(["/no/such"], tmp_path, {}), output=subprocess.PIPE)
    assert b"cannot run /no/such" in process.communicate()[0]
    assert process.returncode == 126


def test_a_program_is_in_a_session_of_its_own_so_that_ctrl_c_passes_it_by(tmp_path: Path) -> None:
    process = launch(program("import os; print(os.getsid(0))", tmp_path), output=subprocess.PIPE)
    assert int(process.communicate()[0]) == process.pid


PARENT = """
import os, signal, sys, time
from pathlib import Path
from embedded import Program
from embedded import launch
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's background job
death_signal = signal.Signals[sys.argv[1]]
child = launch(Program(["/bin/sleep", "60"], Path("/"), {"PATH": os.defpath}, death_signal=death_signal))
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_ends_when_its_parent_is_killed(number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, number.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        wait_for(lambda: child.name() == "sleep")
        parent.kill()
    wait_for(lambda: not is_alive(child))


def test_a_program_outlives_the_thread_that_launched_it(tmp_path: Path) -> None:
    launched: list[subprocess.Popen[bytes]] = []
    code = "import time; time.sleep(30)"
    thread = threading.Thread(target=lambda: launched.append(launch(program(code, tmp_path))))
    thread.start()
    thread.join()
    time.sleep(0.5)
    assert launched[0].poll() is None
    launched[0].kill()
    launched[0].wait()


def test_programs_are_found_by_name_and_folder_and_ended(tmp_path: Path) -> None:
    sleeping = launch(Program(["/bin/sleep", "60"], tmp_path, ENVIRONMENT))
    wait_for(lambda: bool(find_processes("sleep", tmp_path)))
    found = find_processes("sleep", tmp_path)
    assert [process.pid for process in found] == [sleeping.pid]
    assert find_processes("sleep", tmp_path / "elsewhere") == []
    end_processes(found, signal.SIGTERM, patience=10)
    assert sleeping.wait() == -signal.SIGTERM


def test_who_does_not_listen_is_killed_and_a_zombie_is_not_waited_for(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
    code += "; time.sleep(60)"
    deaf = launch(program(code, tmp_path), output=subprocess.PIPE)
    assert deaf.stdout is not None
    assert deaf.stdout.readline() == b"deaf\n"
    began = time.monotonic()
    end_processes([psutil.Process(deaf.pid)], signal.SIGTERM, patience=0.2)
    assert time.monotonic() - began < 4
    assert deaf.wait() == -signal.SIGKILL
    deaf.stdout.close()


def test_a_stopped_program_is_woken_to_end(tmp_path: Path) -> None:
    sleeping = launch(Program(["/bin/sleep", "60"], tmp_path, ENVIRONMENT))
    wait_for(lambda: bool(find_processes("sleep", tmp_path)))
    sleeping.send_signal(signal.SIGSTOP)
    end_processes([psutil.Process(sleeping.pid)], signal.SIGTERM, patience=10)
    assert sleeping.wait() == -signal.SIGTERM


WHO = "import os; print(os.geteuid(), os.getegid(), os.getgroups())"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_gives_up_everything_for_nobody() -> None:
    identity = candidates()[0]
    process = launch(program(WHO, Path("/"), identity), output=subprocess.PIPE)
    said = process.communicate()[0].decode().strip()
    if process.returncode == 0:  # nobody may not be able to read this Python
        assert said == f"{identity.uid} {identity.gid} []"
    else:
        assert "Permission denied" in said


def test_in_a_user_namespace_we_look_like_nobody_and_our_files_are_ours(tmp_path: Path) -> None:
    identity = Identity("namespace", 65534, 65534)
    tmp_path.chmod(0o700)
    code = f"{WHO}; open('made', 'w').close()"
    process = launch(program(code, tmp_path, identity), output=subprocess.PIPE)
    said = process.communicate()[0].decode().strip()
    if "unshare" in said or "uid_map" in said:
        pytest.skip(f"no user namespaces here: {said}")
    assert said.startswith("65534 65534")
    assert (tmp_path / "made").stat().st_uid == os.geteuid()
