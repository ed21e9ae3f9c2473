"""The page that maps the guide to its tests tells the truth."""

import re
from pathlib import Path

from support import ROOT

PAGE = (ROOT / "docs" / "guide-coverage.md").read_text()
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
FILES = re.findall(r"`(src/[\w/]+\.py)`", PAGE)


def test_every_test_the_page_names_exists() -> None:
    missing = [(file, name) for file, name in TESTS if f"def {name}(" not in (ROOT / file).read_text()]

    assert len(TESTS) > 15
    assert missing == []


def test_every_file_the_page_names_exists() -> None:
    assert len(FILES) > 15
    assert [file for file in FILES if not (ROOT / file).is_file()] == []


def test_every_test_of_the_guide_is_on_the_page() -> None:
    tests = {
        name
        for file in (ROOT / "tests" / "guide").glob("test_*.py")
        if file != Path(__file__)
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }

    assert len(tests) > 15
    assert tests <= {name for _, name in TESTS}


def test_every_row_is_held_by_a_test_or_says_that_it_is_not_yet_there() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| statement")
    ]

    assert [row for row in rows if "::test_" not in row and "not yet" not in row] == []
    assert len(rows) > 20
