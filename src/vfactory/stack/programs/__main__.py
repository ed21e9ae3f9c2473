"""`python -m vfactory.stack.programs`: fetches missing programs, and prints the path of each."""

import sys

from vfactory.stack.errors import REFUSALS, exit_code, explain
from vfactory.stack.programs.catalogue import PROGRAMS, require_programs
from vfactory.stack.state import state_directory


def main() -> int:
    """Fetch missing programs, print the path of each, and return the exit code."""
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
