"""The shell completes commands, options and their values, and nothing is written unless asked for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
# What bash does when somebody presses the tabulator after these words.
COMPLETE_IN_BASH = """
source <(vfactory --show-completion)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_vfactory_completion vfactory
printf '%s\\n' "${COMPREPLY[@]}"
"""
TYPED = {
    "a command": (["inc"], {"incidents"}),
    "a command of a group": (["incidents", "re"], {"report", "resolve"}),
    "an option": (["token", "--ro"], {"--role"}),
    "an option's value": (["token", "--json", "--role", "op"], {"operator"}),
    "an option of the command itself": (["--v"], {"--version"}),
    "a service": (["top", "--service", "fact"], {"factory-core"}),
    "a log": (["logs", "incident-event-w"], {"incident-event-worker"}),
    "an event type": (["events", "--type", "incident.re"], {"incident.reported", "incident.resolved"}),
}


def run(home: Path, *command: str, **variables: str) -> str:
    """Run a command of a person whose home is `home`, and return what it prints."""
    environment = {"PATH": f"{BIN}:{os.defpath}", "HOME": str(home), **variables}
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=True)
    return done.stdout


def bash() -> str:
    found = shutil.which("bash")
    assert found
    return found


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", TYPED)
def test_bash_completes(case: str, tmp_path: Path) -> None:
    words, expected = TYPED[case]
    said = run(tmp_path, bash(), "--norc", "-c", COMPLETE_IN_BASH, "bash", "vfactory", *words)
    assert set(said.split()) == expected
    assert files(tmp_path) == set()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_offered_the_same(shell: str, tmp_path: Path) -> None:
    words, expected = TYPED["a command of a group"]
    asked = {
        "_VFACTORY_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": " ".join(["vfactory", *words]),
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    said = run(tmp_path, "vfactory", **asked)
    first_words = re.compile(r"""^(?:_arguments [^"]+)?"?([\w-]+)""", re.MULTILINE)
    assert set(first_words.findall(said)) == expected
    assert files(tmp_path) == set()


def test_it_is_installed_into_the_home_and_nowhere_else(tmp_path: Path) -> None:
    run(tmp_path, bash(), "--norc", "-c", "vfactory --install-completion; true")
    assert files(tmp_path) == {".bashrc", ".bash_completions/vfactory.sh"}
    interactive = "source ~/.bashrc; complete -p vfactory"
    assert "_vfactory_completion" in run(tmp_path, bash(), "--norc", "-c", interactive)
