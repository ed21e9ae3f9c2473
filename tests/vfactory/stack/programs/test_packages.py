import os
import subprocess
import threading
from pathlib import Path

import pytest

from embedded import DiskFullError
from vfactory.stack.programs import ProgramsError, fetch, packages


def test_a_package_that_cannot_be_had_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ProgramsError, match="apt-get failed"):
        fetch(["there-is-no-such-package-here"], tmp_path / "programs")
    assert [path.name for path in (tmp_path / "programs").iterdir()] == [".lock"]


def test_packages_that_do_not_come_in_time_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "COMMAND_SECONDS", 0.01)
    with pytest.raises(ProgramsError, match="in time"):
        fetch(["prometheus-node-exporter"], tmp_path / "programs")


def test_a_program_that_finds_no_room_for_what_it_writes_says_so(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match=f"No room left for {tmp_path}: No space left on device"):
        packages._run(["dd", "if=/dev/zero", "of=/dev/full", "count=1"], tmp_path)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_two_who_fetch_at_a_time_both_find_a_whole_program(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "공장 state" / "programs"
    before = os.umask(umask)
    try:
        threads = [
            threading.Thread(target=fetch, args=[["prometheus-node-exporter"], folder]) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.umask(before)
    program = folder / "prometheus-node-exporter"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert "node_exporter" in said.stdout + said.stderr
    assert {path.name for path in folder.iterdir()} == {".lock", program.name}


def test_a_server_of_sbin_comes_with_the_libraries_that_were_asked_for(tmp_path: Path) -> None:
    fetch(["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"], tmp_path / "programs")
    said = subprocess.run(
        [tmp_path / "programs/haproxy", "-v"],
        env={"LD_LIBRARY_PATH": str(tmp_path / "programs/lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("HAProxy version")
