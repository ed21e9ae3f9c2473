"""Golden lines, said once by the services' own logger, and the log file that a runtime makes of them."""

import pytest
from monitoring.logs.containers import LONGEST_PIECE
from monitoring.logs.fields import Specification, read_specification
from monitoring.logs.golden import ROOT, Contained, Golden, contained, golden_lines


@pytest.fixture(scope="session")
def specification() -> Specification:
    return read_specification(ROOT)


@pytest.fixture(scope="session")
def golden() -> list[Golden]:
    return golden_lines()


@pytest.fixture(scope="session", params=[LONGEST_PIECE, 1_001], ids=["pieces of 16 KiB", "pieces of 1 kB"])
def cases(golden: list[Golden], request: pytest.FixtureRequest) -> list[Contained]:
    """Small pieces split every long line, also inside letters."""
    return contained(golden, request.param)
