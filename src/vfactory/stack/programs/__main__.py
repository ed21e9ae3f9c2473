"""`python -m vfactory.stack.programs`: prints where each program is, after fetching what is missing."""

import sys

from vfactory.stack.errors import REFUSALS, exit_code, explain
from vfactory.stack.programs.catalogue import PROGRAMS, require_programs
from vfactory.stack.state import state_directory


def main() -> int:
    """Fetch what is missing and print the path of each program."""
    try:
        found = require_programs(PROGRAMS, state_directory())
    except REFUSALS as error:
        sys.stderr.write(f"V-Factory: {explain(error)}\n")
        return exit_code(error)
    for program, path in found.items():
        sys.stdout.write(f"{program.name}\t{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
