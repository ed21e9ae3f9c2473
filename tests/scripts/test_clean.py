"""`make clean` removes what was generated and keeps data, secrets and results."""

import shutil
import subprocess
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
