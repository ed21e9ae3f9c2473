"""`python -m deploy generate | check | pin`: writes what is generated, looks for faults, pins images."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding

from deploy import generated, image_version, images
from deploy.checks import builds, checkov, files
from vfactory.stack.programs import ProgramsError

ROOT: Final = Path(__file__).resolve().parents[1]
Check = Callable[[Path], list[Finding]]
CHECKS: Final[Mapping[str, Check]] = {
    "generated": generated.check,
    "version": image_version.check,
    "images": images.check,
    "files": files.check,
    "builds": builds.check,
    "checkov": checkov.check,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 all is well, 1 something is found, 69 a program is not to be had."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("generate", help="write the manifests that are made from other files")
    commands.add_parser("pin", help="write today's digest behind the name of every image")
    check = commands.add_parser(
        "check", help="build every overlay with its components and look for what is wrong"
    )
    check.add_argument(
        "--only",
        choices=CHECKS,
        action="append",
        help="one of the checks; several times for several (default: all)",
    )
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "check":
            wanted = chosen.only or CHECKS
            return _report([finding for name in wanted for finding in CHECKS[name](ROOT)])
        if chosen.command == "pin":
            return images.pin(ROOT)
        generated.write(ROOT)
        image_version.write(ROOT)
    except ProgramsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _report(findings: Sequence[Finding]) -> int:
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
