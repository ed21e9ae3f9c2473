"""The tests pass when they are started as a script starts its background jobs: with SIGINT ignored."""

import subprocess
import sys

from support import ROOT

INTERRUPTING = "tests/scripts/test_bootstrap.py::test_ctrl_c_during_the_installation_is_no_programming_error"


def test_a_test_that_presses_ctrl_c_passes_when_the_run_ignores_sigint() -> None:
    run = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", INTERRUPTING]
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *run],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout
    assert done.returncode == 0
