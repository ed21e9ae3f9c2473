"""The hosted CI checks out what it is told to, with a token that may only read, and runs `.ci/run`."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
[JOB] = WORKFLOW["jobs"].values()
CHECK_OUT, *OTHERS = JOB["steps"]
PERSON = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def shell(script: str, folder: Path, **variables: str) -> str:
    """Run a step's script as the hosted CI's shell does, without any settings of git of this machine."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Make a folder that serves the repository `plant/v-factory` of two commits."""
    repository = tmp_path / "server" / "plant" / "v-factory"
    repository.mkdir(parents=True)
    commits = "for n in 1 2; do echo $n > file; git add file; git commit --quiet --message $n; done"
    shell(f"git init --quiet; {commits}", repository, **PERSON)
    return tmp_path / "server"


def test_the_check_out_brings_the_commit_that_is_asked_for_and_keeps_no_token(
    server: Path, tmp_path: Path
) -> None:
    first = shell("git rev-parse HEAD~1", server / "plant" / "v-factory")
    clone = tmp_path / "clone"
    clone.mkdir()
    where = {"GITHUB_SERVER_URL": f"file://{server}", "GITHUB_REPOSITORY": "plant/v-factory"}

    shell(CHECK_OUT["run"], clone, TOKEN="a-token-of-one-job", GITHUB_SHA=first, **where)

    assert (clone / "file").read_text() == "1\n"
    assert shell("git rev-parse HEAD", clone) == first
    assert shell("git config --get-regexp extraheader || true", clone) == ""


def test_it_runs_what_must_pass_before_a_change_is_taken_and_nothing_else() -> None:
    assert [step["run"] for step in OTHERS] == ["./.ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_it_may_only_read_and_runs_no_action_of_others() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in JOB
    assert all("uses" not in step for step in JOB["steps"])
    assert [step.get("env", {}) for step in OTHERS] == [{}]
