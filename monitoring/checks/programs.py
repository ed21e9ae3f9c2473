"""What promtool and amtool say of the files."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding
from vfactory.stack.home import state_directory
from vfactory.stack.programs import AMTOOL, PROMTOOL, newer_prometheus, require_programs

PROMETHEUS: Final = Path("monitoring/prometheus")
ALERTMANAGER: Final = Path("monitoring/alertmanager/alertmanager.yml")
SECONDS: Final = 300.0


def check(root: Path) -> list[Finding]:
    """Syntax of the configurations, syntax and tests of the rules, with Prometheus 2.42 or newer, and with 3.

    Raises:
        ProgramsError: promtool or amtool cannot be had; the text says how to get them.
    """
    found = require_programs([PROMTOOL, AMTOOL], state_directory())
    promtools = {"promtool": found[PROMTOOL], "promtool 3": newer_prometheus(state_directory()) / "promtool"}
    amtool = ["check-config", str(root / ALERTMANAGER)]
    return [
        *_findings(str(ALERTMANAGER), "amtool", [str(found[AMTOOL]), *amtool]),
        *(finding for name, path in promtools.items() for finding in _promtool(root, name, path)),
    ]


def _promtool(root: Path, name: str, program: Path) -> list[Finding]:
    folder = root / PROMETHEUS
    files: Mapping[str, Sequence[Path]] = {
        "config": [folder / "prometheus.yml"],
        "rules": sorted((folder / "rules").glob("*.yml")),
    }
    findings = [
        finding
        for what, paths in files.items()
        for path in paths
        for finding in _findings(
            str(path.relative_to(root)), name, [str(program), "check", what, *_leniency(what), str(path)]
        )
    ]
    for test in sorted((folder / "tests").glob("*.yml")):
        findings += _findings(str(test.relative_to(root)), name, [str(program), "test", "rules", str(test)])
    return findings


def _leniency(what: str) -> list[str]:
    """A configuration that names files of another machine (tokens, certificates) is right all the same."""
    return ["--syntax-only"] if what == "config" else []


def _findings(file: str, name: str, command: Sequence[str]) -> list[Finding]:
    done = subprocess.run(  # noqa: S603 - programs of the monitoring, by fixed words
        command, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if done.returncode == 0:
        return []
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return [Finding(file, name, " | ".join(said[-12:])[:1500])]
