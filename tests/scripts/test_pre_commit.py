"""The hooks at a commit are the steps of `make check`, fetch nothing, and refuse what they refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support import ROOT

CONFIGURATION = ROOT / ".pre-commit-config.yaml"
PRE_COMMIT = Path(sys.executable).with_name("pre-commit")
REPOSITORIES = yaml.safe_load(CONFIGURATION.read_text("utf-8"))["repos"]
HOOKS = [hook for repository in REPOSITORIES for hook in repository["hooks"]]
UNUSED_IMPORT = "import os\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository of its own, with these hooks turned on and one file that the linter refuses."""
    for file in (CONFIGURATION, ROOT / "pyproject.toml"):
        shutil.copy(file, tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "planted.py").write_text(UNUSED_IMPORT)
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, str(PRE_COMMIT), "install")
    run(tmp_path, "git", "add", "planted.py", CONFIGURATION.name)
    return tmp_path


def run(folder: Path, *command: str, refused: bool = False) -> str:
    """Run a command in `folder` as a person with no settings of git, and return what it says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"HOME": str(folder), "PRE_COMMIT_HOME": str(folder / "cache")}
    environment["SKIP"] = "types"  # there is no source to look at
    environment |= {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == refused, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_pre_commit_can_read_its_configuration(tmp_path: Path) -> None:
    run(tmp_path, str(PRE_COMMIT), "validate-config", str(CONFIGURATION))


def test_the_hooks_are_the_steps_of_make_check() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "check"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _prepare, *steps = planned.splitlines()
    assert [hook["entry"].removeprefix("env ") for hook in HOOKS] == steps


def test_nothing_is_fetched() -> None:
    assert [repository["repo"] for repository in REPOSITORIES] == ["local"]
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_a_commit_with_a_violation_is_refused_by_name_and_a_clean_one_is_taken(repository: Path) -> None:
    commit = ("git", "commit", "--message", "Add a module")
    refusal = run(repository, *commit, refused=True)
    assert "- hook id: lint\n" in refusal
    assert "F401" in refusal
    (repository / "planted.py").write_text('"""Nothing is wrong here."""\n')
    run(repository, "git", "add", "planted.py")
    run(repository, *commit)
    assert run(repository, "git", "log", "--format=%s") == "Add a module\n"
