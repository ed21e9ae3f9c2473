"""`python -m monitoring.traffic --home .vfactory --minutes 15`: mixed traffic for the stack in a folder."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from monitoring.traffic import drive
from plant_client import PlantError
from vfactory.client.find_plant import local_plant
from vfactory.stack.errors import NotRunningError
from vfactory.stack.state import state_directory

LONGEST_MINUTES = 24 * 60.0
PACES = (0.1, 20.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when the time is over, 1 when there is nothing to ask."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.traffic", description=__doc__)
    parser.add_argument("--home", type=Path, default=state_directory(), help="the stack's state directory")
    parser.add_argument("--minutes", type=_within(0.01, LONGEST_MINUTES), default=15.0)
    parser.add_argument("--pace", type=_within(*PACES), default=1.0, help="times as often as usual")
    chosen = parser.parse_args(arguments)
    try:
        tally = asyncio.run(
            drive(
                local_plant(chosen.home, "traffic"),
                seconds=chosen.minutes * 60,
                pace=chosen.pace,
                say=_tell,
            )
        )
    except (NotRunningError, PlantError) as error:
        _tell(str(error), sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    _tell(f"done: {tally}")
    return 0


def _tell(line: str, to: TextIO | None = None) -> None:
    print(line, file=to, flush=True)


def _within(least: float, most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not within {least:g} and {most:g}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
