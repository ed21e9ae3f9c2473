"""`python -m monitoring.drills`: breaks a stack of its own, and says how soon who must know was told.

Takes about 40 minutes. Drills of one row run side by side: none of their alerts silences another's.
"""

import argparse
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx

from monitoring.drills import faults
from monitoring.drills.drill import Drill, Result, alert_of, is_firing, perform
from monitoring.drills.stack import DrillStack, run_stack
from monitoring.traffic import in_background
from vfactory.client.find_plant import local_plant
from vfactory.stack.errors import REFUSALS, exit_code, explain

ROWS: Final[Sequence[Sequence[Drill]]] = (
    (
        Drill("consumer", "VFactoryConsumerStalled", "incident-event", faults.consumer_stalled, 420),
        Drill("errors", "VFactoryErrorRateHigh", "asset-management", faults.table_missing, 600),
        Drill("memory", "VFactoryMemoryCritical", "asset-management", faults.memory_threshold_lowered, 600),
    ),
    (
        Drill(
            "crash-loop",
            "VFactoryCrashLooping",
            "factory-core",
            faults.killed_again_and_again("factory-core"),
            600,
        ),
    ),
    (Drill("frozen", "VFactoryTargetDown", "factory-core", faults.frozen("factory-core"), 600),),
    (Drill("redis", "VFactoryRedisDown", "redis", faults.frozen("valkey"), 600, ("factory-core",)),),
    (
        Drill(
            "database",
            "VFactoryDatabaseDown",
            "postgres",
            faults.database_stopped,
            600,
            ("factory-core", "incident-event", "asset-management"),
        ),
    ),
)
NAMES: Final = [drill.name for row in ROWS for drill in row]
# A budget that is spent is spent: that is told, also when what spent it is over.
SPENT: Final = re.compile(r"VFactory(Error|Latency)BudgetBurn(Fast|Slow)")
CALM_SECONDS: Final = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 all drills went well, 1 one fell short, else no stack came up."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.drills", description=__doc__)
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    parser.add_argument("--keep", action="store_true", help="leave the stack's folder with its logs")
    chosen = parser.parse_args(arguments)
    names = chosen.only.split(",")
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"there is no drill {', '.join(unknown)}; choose from {', '.join(NAMES)}")
    try:
        return _run([[drill for drill in row if drill.name in names] for row in ROWS], keep=chosen.keep)
    except REFUSALS as error:
        print(explain(error), file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130


def _run(rows: Sequence[Sequence[Drill]], *, keep: bool) -> int:
    went_well = True
    with run_stack(keep=keep) as stack, in_background(local_plant(stack.home, "traffic")):
        _tell(f"A stack runs in {stack.home}. Waiting until nothing fires.")
        for row in filter(None, rows):
            went_well &= _calm(stack) and _row(stack, row)
    return 0 if went_well else 1


def _row(stack: DrillStack, row: Sequence[Drill]) -> bool:
    began = time.time()
    _tell(f"Breaking: {', '.join(drill.name for drill in row)}.")
    with ThreadPoolExecutor(len(row)) as pool:
        running = [pool.submit(perform, stack, drill) for drill in row]
        results: list[Result] = []
        for one in running:
            results.append(one.result())
            print(results[-1], flush=True)
    others = [
        f"{alert_of(message)} ({message.title})"
        for message in stack.receiver.messages("/slack")
        if message.at >= began
        and is_firing(message)
        and not any(drill.concerns(message) for drill in row)
        and not SPENT.fullmatch(alert_of(message))
    ]
    for other in others:
        print(f"{'':16} told besides, and should not have been: {other}", flush=True)
    return not others and not any(result.shortcomings for result in results)


def _calm(stack: DrillStack) -> bool:
    """Wait until nothing critical fires but what has spent a budget."""
    deadline = time.monotonic() + CALM_SECONDS
    firing: list[str] = ["nothing is known yet"]
    while time.monotonic() < deadline:
        try:
            alerts = [alert["labels"] for alert in stack.alerts()]
        except httpx.HTTPError as error:
            firing = [type(error).__name__]
        else:
            firing = [one["alertname"] for one in alerts if one["severity"] == "critical"]
            firing = [name for name in firing if not SPENT.fullmatch(name)]
            if alerts and not firing:  # the watchdog always fires
                return True
        time.sleep(1)
    print(f"{'':16} there is no calm to begin in: {', '.join(firing)}", flush=True)
    return False


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
