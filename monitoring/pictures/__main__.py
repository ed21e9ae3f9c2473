"""`python -m monitoring.pictures`: runs a stack with mixed traffic and one drill, and draws every dashboard.

Takes about 17 minutes. With `--prometheus` it draws what one that runs already knows.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from monitoring.drills import faults
from monitoring.drills.drill import Drill, perform
from monitoring.drills.stack import run_stack
from monitoring.grafana.generated_boards import boards
from monitoring.pictures.answers import Prometheus
from monitoring.pictures.drawing import draw
from monitoring.traffic import in_background
from plant_client import PlantError
from vfactory.client.find_plant import local_plant
from vfactory.stack.errors import REFUSALS, exit_code, explain

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs/pictures/dashboards"
MINUTES: Final = 15.0
CALM_SECONDS: Final = 240.0
DRILL: Final = Drill("errors", "VFactoryErrorRateHigh", "asset-management", faults.table_missing, 600)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 every panel has data or says why not, 1 one has none, else no stack came up."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.pictures", description=__doc__)
    parser.add_argument("--prometheus", help="address of a running one, to draw what it knows")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long to look back")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the pictures")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.prometheus:
            return _draw(chosen.prometheus.rstrip("/"), chosen.minutes, chosen.to)
        return _live(chosen.minutes, chosen.to)
    except REFUSALS as error:
        print(explain(error), file=sys.stderr)
        return exit_code(error)
    except httpx.HTTPError as error:
        print(f"Prometheus does not answer: {error}", file=sys.stderr)
        return 1
    except PlantError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _live(minutes: float, folder: Path) -> int:
    ends = time.monotonic() + minutes * 60
    with run_stack() as stack, in_background(local_plant(stack.home, "traffic")):
        print(f"Traffic for {minutes:g} minutes, with one drill.", file=sys.stderr, flush=True)
        time.sleep(min(CALM_SECONDS, minutes * 15))
        print(perform(stack, DRILL), flush=True)
        time.sleep(max(0.0, ends - time.monotonic()))
        return _draw(stack.part("prometheus").where, minutes, folder)


def _draw(url: str, minutes: float, folder: Path) -> int:
    prometheus, went_well = Prometheus.of_the_last(minutes * 60, url), True
    for board in boards(ROOT):
        silent = draw(board, prometheus, folder / f"{board.path.stem}.png")
        print(f"{board.path.stem}: {len(board.panels)} panels", flush=True)
        for title in silent:
            went_well = False
            print(f"  no data, and it does not say why: {title}", flush=True)
    return 0 if went_well else 1


if __name__ == "__main__":
    sys.exit(main())
