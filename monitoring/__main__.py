"""`python -m monitoring generate [--check] | check`: writes what is generated, or looks for what is wrong."""

import argparse
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from monitoring import generated
from monitoring.checks import alertmanager, dashboards, programs, rules, runbooks, style
from monitoring.checks.finding import Finding, UnreadableError
from monitoring.logs import checks as log_pipelines
from monitoring.slo.objectives import ObjectivesError
from vfactory.stack.programs import ProgramsError

ROOT: Final = Path(__file__).resolve().parents[1]
Check = Callable[[Path], list[Finding]]
CHECKS: Final[Mapping[str, Check]] = {
    "files are as generated": generated.check,
    "rules": rules.check,
    "dashboards": dashboards.check,
    "runbooks": runbooks.check,
    "log pipelines": log_pipelines.check,
    "routes": alertmanager.check,
    "yaml": style.check,
    "promtool and amtool": programs.check,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 all is well, 1 something is found, 69 a program is not to be had."""
    parser = argparse.ArgumentParser(prog="python -m monitoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="write rules and dashboards from what they are made of")
    generate.add_argument("--check", action="store_true", help="write nothing, say what is out of date")
    commands.add_parser("check", help="look for what is wrong with rules, routes, dashboards and runbooks")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "check":
            return _report({finding for check in CHECKS.values() for finding in _findings(check)})
        if chosen.check:
            return _report(generated.check(ROOT))
        generated.write(ROOT)
    except (ObjectivesError, ProgramsError) as error:
        print(error, file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


def _findings(check: Check) -> list[Finding]:
    try:
        return check(ROOT)
    except UnreadableError as error:
        return [error.finding]


def _report(findings: Collection[Finding]) -> int:
    for finding in sorted(findings):
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
