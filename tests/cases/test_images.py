"""Pictures that were once judged wrongly: what every viewer shows is accepted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.plant.decoding import Checker, checking

FOLDER = Path(__file__).parent / "images"
ACCEPTED = {"newline-after-end.png", "one-stray-byte.jpg"}
FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture
async def checker(tmp_path: Path) -> AsyncIterator[Checker]:
    async with checking(tmp_path) as checker:
        yield checker


@pytest.mark.parametrize("name", FILES)
async def test_the_picture_is_accepted_whole_and_refused_when_it_is_cut(checker: Checker, name: str) -> None:
    assert name in ACCEPTED
    data = (FOLDER / name).read_bytes()
    assert await checker.refusal(data) is None
    assert "cut off" in str(await checker.refusal(data[:-10]))
