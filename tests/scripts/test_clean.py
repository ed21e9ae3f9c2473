"""`make clean` removes what was generated and keeps data, secrets and results."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

IGNORED = [line.removeprefix("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
KEPT = {
    ".vfactory/",
    "benchmarks/results.json",
    "deploy/compose/secrets/",
    "programs/",
    "uv.lock",
    "wheelhouse/",
}
SOURCES = ("benchmarks", "deploy", "examples", "monitoring", "openapi", "scripts", "src", "tests")


@pytest.fixture
def cluttered(tmp_path: Path) -> Path:
    """Make a folder that holds everything git ignores, and a file of the source."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for pattern in set(IGNORED) - {"__pycache__/", "*.pyc"}:
        path = tmp_path / pattern.replace("*", "")
        path.parent.mkdir(parents=True, exist_ok=True)
        if pattern.endswith("/"):
            path.mkdir()
        else:
            path.touch()
    for source in SOURCES:
        cache = tmp_path / source / "package" / "__pycache__"
        cache.mkdir(parents=True)
        (cache / "module.pyc").touch()
    (tmp_path / "src" / "package" / "module.py").touch()
    return tmp_path


def test_what_was_generated_goes_and_what_somebody_needs_stays(cluttered: Path) -> None:
    subprocess.run(["make", "clean"], cwd=cluttered, check=True, capture_output=True)
    assert {pattern for pattern in IGNORED if list(cluttered.glob(pattern.rstrip("/")))} == KEPT
    assert list(cluttered.rglob("__pycache__")) == []
    assert (cluttered / "src" / "package" / "module.py").exists()


def test_nothing_is_removed_while_something_runs_from_the_environment(cluttered: Path) -> None:
    python = cluttered / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    with subprocess.Popen([python, "-c", "input()"], stdin=subprocess.PIPE) as running:
        refused = subprocess.run(
            ["make", "clean"], cwd=cluttered, check=False, capture_output=True, text=True
        )
        assert refused.returncode != 0
        assert f"would break: {running.pid}. Stop V-Factory with make down." in refused.stderr
        assert python.is_symlink()
        running.communicate(b"\n")
    subprocess.run(["make", "clean"], cwd=cluttered, check=True, capture_output=True)
    assert not python.exists()
