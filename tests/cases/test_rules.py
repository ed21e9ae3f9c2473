"""Scenarios that were once told wrongly, as promtool judges them: every expectation in them is right."""

import subprocess
from pathlib import Path

import pytest

from support import ROOT
from vfactory.stack.programs import newer_prometheus
from vfactory.stack.state import state_directory

FOLDER = Path(__file__).parent / "rules"
RULES = ROOT / "monitoring/prometheus/rules"
FILES = sorted(path.name for path in FOLDER.iterdir())
SECONDS = 300


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The program itself, of the Prometheus that Kubernetes runs."""
    return newer_prometheus(state_directory()) / "promtool"


@pytest.mark.parametrize("name", FILES)
def test_the_alerts_are_those_that_are_right(promtool: Path, tmp_path: Path, name: str) -> None:
    scenario = tmp_path / name
    scenario.write_text((FOLDER / name).read_text("utf-8").replace("@RULES@", str(RULES)), "utf-8")
    done = subprocess.run(
        [str(promtool), "test", "rules", str(scenario)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
