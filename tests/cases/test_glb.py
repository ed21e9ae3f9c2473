"""GLB files that were once judged wrongly: each name says what is wrong or odd."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.plant.decoding import Checker, checking

FOLDER = Path(__file__).parent / "glb"
REFUSED = {
    # The specification's validator: BUFFER_MISSING_GLB_DATA, an error, and GLB_EXTRA_DATA, a warning.
    "buffer-without-bin.glb": "buffers[0] is the file's BIN chunk, and the file has none.",
    "bytes-after-end.glb": None,
}
FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture
async def checker(tmp_path: Path) -> AsyncIterator[Checker]:
    async with checking(tmp_path) as checker:
        yield checker


@pytest.mark.parametrize("name", FILES)
async def test_the_file_is_judged_as_the_specification_does(checker: Checker, name: str) -> None:
    assert await checker.refusal((FOLDER / name).read_bytes()) == REFUSED[name]
