"""The frame every benchmark uses: interleaved runs, a goal to hold them against, one row of results each.

A benchmark is a module `benchmarks/<name>.py` with a function `run(options: Options) -> list[Result]`. It
measures ours, a named baseline and, where there is one, the limit of the machine in the same interleaved
rounds and hands each comparison to `Goal.judge`.
"""

from benchmarks.harness.measuring import Options, Samples, interleave, interleave_async
from benchmarks.harness.results import Goal, Result

__all__ = ["Goal", "Options", "Result", "Samples", "interleave", "interleave_async"]
