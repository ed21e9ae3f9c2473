"""Runs one benchmark in this process: `python -m benchmarks.harness NAME [--quick] [--results FILE]`."""

import argparse
import importlib
from pathlib import Path

from benchmarks.harness.measuring import Options
from benchmarks.harness.results import Result, store


def main() -> None:
    """Run it, print it, store its rows."""
    parser = argparse.ArgumentParser(description="Run one benchmark.")
    parser.add_argument("name")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--results", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    module = importlib.import_module(f"benchmarks.{arguments.name}")
    results: list[Result] = module.run(Options(quick=arguments.quick))
    if arguments.results is not None:
        store(results, arguments.results)


if __name__ == "__main__":
    main()
