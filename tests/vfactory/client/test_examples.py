"""The shipped recording is what its seed gives."""

import runpy

from support import ROOT

EXAMPLES = ROOT / "examples"


def test_the_shipped_recording_is_what_its_generator_writes() -> None:
    lines = runpy.run_path(str(EXAMPLES / "make_recording.py"))["lines"]

    assert (EXAMPLES / "pump-test-bench.csv").read_text() == "\n".join(lines()) + "\n"


def test_another_seed_gives_another_recording() -> None:
    lines = runpy.run_path(str(EXAMPLES / "make_recording.py"))["lines"]

    assert list(lines(1)) != list(lines(2))
