import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT

SCRIPT = ROOT / "scripts" / "python"
OLD = "exit 3"  # what the script's own question answers in a Python that is too old
BARE = "exit 4"  # and in one without venv and pip


@pytest.fixture
def choose(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the script where there are only the given programs."""
    folder = tmp_path / "bin of mine"
    folder.mkdir()

    def run(programs: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
        for name, body in programs.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)
        text = SCRIPT.read_text().replace("/usr/bin/python3", "/nonexistent/python3")
        script = folder.parent / "script"
        script.write_text(text.replace("/usr/local/bin/python3", "/nonexistent/python3"))
        return subprocess.run(
            ["/bin/sh", str(script), "-c", "import sys; print(sys.flags.isolated)"],
            env={"PATH": str(folder), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def works() -> str:
    return f"exec '{Path(sys.executable).resolve()}' \"$@\""


Choose = Callable[..., subprocess.CompletedProcess[str]]


def test_the_first_that_fits_is_run_isolated(choose: Choose) -> None:
    done = choose({"python3": works()})
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_an_old_one_and_a_broken_shim_are_passed_over(choose: Choose) -> None:
    done = choose({"python3": OLD, "python3.11": "echo broken >&2; exit 127", "python3.12": works()})
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_a_named_one_comes_first(choose: Choose) -> None:
    done = choose({"python3": works(), "my-python": "echo mine"}, PYTHON="my-python")
    assert done.stdout == "mine\n"


def test_one_without_venv_is_told_with_what_to_install(choose: Choose) -> None:
    done = choose({"python3": BARE})
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_old_ones_are_named(choose: Choose) -> None:
    done = choose({"python3": OLD, "python": OLD})
    assert done.returncode == 1
    assert "3.11 or newer; found only older ones: python3 python" in done.stderr


def test_none_at_all_is_told(choose: Choose) -> None:
    done = choose({})
    assert done.returncode == 1
    assert "found no python3" in done.stderr


def test_a_hostile_environment_does_not_reach_it(choose: Choose) -> None:
    done = choose({"python3": works()}, PYTHONHOME="/nonexistent", PYTHONPATH=os.devnull)
    assert (done.returncode, done.stdout) == (0, "1\n")
