"""Runs all benchmarks, or `ONLY=a,b`, each in a clean process, and writes `benchmarks/results.json`."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness.results import Result, load, store

_FOLDER = Path(__file__).parent


def main() -> None:
    """Run, store, and fail only when a benchmark could not run: figures of a noisy machine fail nothing."""
    arguments = _arguments()
    results: list[Result] = []
    broken: list[str] = []
    for name in arguments.only.split(",") if arguments.only else _names():
        rows = _run(name.strip(), quick=arguments.quick)
        results.extend(rows or ())
        if rows is None:
            broken.append(name)
    store(results, _FOLDER / "results.json")
    met = sum(result.met for result in results)
    print(f"{met} of {len(results)} goals met" + (" (--quick: no verdict)" if arguments.quick else ""))
    if broken:
        sys.exit(f"could not run: {', '.join(broken)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run the benchmarks.")
    parser.add_argument("--quick", action="store_true", help="one short round each: shows that they run")
    parser.add_argument("--only", default=os.environ.get("ONLY", ""), help="names, separated by commas")
    arguments = parser.parse_args()
    unknown = {name.strip() for name in arguments.only.split(",") if name} - set(_names())
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(_names())}")
    return arguments


def _names() -> list[str]:
    return sorted(file.stem for file in _FOLDER.glob("*.py") if not file.stem.startswith("_"))


def _run(name: str, *, quick: bool) -> list[Result] | None:
    print(f"── {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benchmarks.harness", name, "--results", str(file)]
        done = subprocess.run([*command, *(["--quick"] if quick else [])], check=False, cwd=_FOLDER.parent)
        return load(file) if done.returncode == 0 else None


if __name__ == "__main__":
    main()
