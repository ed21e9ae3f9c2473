"""`python -m monitoring`: what it prints, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from monitoring.checks.finding import Finding, UnreadableError

from monitoring import __main__ as command
from support import ROOT
from support.monitoring.tree import Tree, in_board, put, swap
from vfactory.stack.programs import ProgramsError

OVERVIEW = Path("monitoring/grafana/generated/vfactory-overview.json")


@pytest.fixture
def here(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The copy is what the command works on."""
    monkeypatch.setattr(command, "ROOT", tree.root)
    return tree


def fails(_: Path) -> list[Finding]:
    raise ProgramsError("Install promtool")


def finds(_: Path) -> list[Finding]:
    return [Finding("b.yml", "VFactoryB", "is wrong"), Finding("a.yml", "VFactoryA", "is wrong")]


def cannot_read(_: Path) -> list[Finding]:
    raise UnreadableError(Path("c.yml"), ValueError("line 3"))


def check_with(monkeypatch: pytest.MonkeyPatch, *checks: command.Check) -> int:
    monkeypatch.setattr(command, "CHECKS", dict(enumerate(checks)))
    return command.main(["check"])


def test_findings_of_all_checks_are_printed_in_order_one_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_with(monkeypatch, finds, cannot_read, cannot_read) == 1
    assert capsys.readouterr().err.splitlines() == [
        "a.yml: VFactoryA: is wrong",
        "b.yml: VFactoryB: is wrong",
        "c.yml: file: cannot be read: line 3",
    ]


def test_without_findings_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_with(monkeypatch, lambda _: []) == 0
    assert capsys.readouterr() == ("", "")


def test_a_program_that_is_not_to_be_had_is_said_and_is_no_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_with(monkeypatch, fails) == ProgramsError.exit_code
    assert "Install promtool" in capsys.readouterr().err


def test_what_is_out_of_date_is_named_and_then_written(
    here: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = (here.root / OVERVIEW).read_text("utf-8")
    with here.changed(str(OVERVIEW), in_board(put("Old", "title"))):
        assert command.main(["generate", "--check"]) == 1
        assert str(OVERVIEW) in capsys.readouterr().err
        assert command.main(["generate"]) == 0
        assert (here.root / OVERVIEW).read_text("utf-8") == fresh
        assert command.main(["generate", "--check"]) == 0


def test_wrong_objectives_are_named_and_nothing_is_written(
    here: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = here.root / "monitoring/prometheus/rules/slo.yml"
    before = rules.read_text("utf-8")
    with here.changed("monitoring/slo.yml", swap("within: 0.5", "within: 0.6")):
        assert command.main(["generate"]) == 1
    assert "factory-core.latency.within is 0.6" in capsys.readouterr().err
    assert rules.read_text("utf-8") == before


def test_help_says_what_there_is() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for arguments, word in (([], "check"), (["generate"], "--check")):
        told = subprocess.run(
            [sys.executable, "-P", "-m", "monitoring", *arguments, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            cwd=ROOT,
        )
        assert word in told.stdout
