"""One decoder for the tests of a worker."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.plant.decoding import Checker, checking


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def checker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Checker]:
    async with checking(tmp_path_factory.mktemp("decoding")) as checker:
        yield checker
