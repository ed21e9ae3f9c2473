"""Decoders: a file that breaks or hangs its decoder is refused, and the next one is checked as ever."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from asset_management.content import decoders as module
from asset_management.content.decoders import Decoders
from asset_management.content.kinds import MediaType
from support.plant.asset_files import jpeg, png
from support.plant.decoding import Checker, checking
from utils.errors import UnavailableError


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Checker]:
    async with checking(tmp_path) as checker:
        yield checker


def the_decoder(decoders: Decoders) -> psutil.Process:
    process = decoders._all[0]._process
    assert process is not None
    return psutil.Process(process._process.pid)


async def test_a_decoder_is_used_again(own: Checker) -> None:
    assert await own.refusal(png()) is None
    first = the_decoder(own.decoders)
    assert await own.refusal(jpeg()) is None
    assert the_decoder(own.decoders) == first


async def test_a_decoder_has_none_of_the_services_secrets_and_descriptors(own: Checker) -> None:
    await own.refusal(png())
    decoder = the_decoder(own.decoders)
    assert decoder.environ().keys() <= {"LC_CTYPE"}
    assert decoder.num_fds() <= 4


async def test_a_decoder_that_was_killed_is_replaced(own: Checker) -> None:
    await own.refusal(png())
    decoder = the_decoder(own.decoders)
    decoder.kill()
    assert await own.refusal(png()) is None
    assert the_decoder(own.decoders) != decoder


async def test_a_file_that_breaks_its_decoder_each_time_is_refused(
    own: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MODULE", "this")  # prints a poem and ends
    assert "breaks the program" in str(await own.refusal(png()))
    monkeypatch.undo()
    assert await own.refusal(png()) is None


async def test_a_file_that_takes_too_long_is_refused_and_its_decoder_ended(tmp_path: Path) -> None:
    async with checking(tmp_path, seconds=1) as checker:
        await checker.refusal(png())
        decoder = the_decoder(checker.decoders)
        decoder.send_signal(signal.SIGSTOP)
        assert await checker.refusal(png()) == "The file takes more than 1 s to be decoded."
        assert not decoder.is_running()
        assert await checker.refusal(png()) is None


async def test_uploads_wait_for_a_decoder_and_not_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    path = tmp_path / "picture"
    path.write_bytes(png())
    decoders = Decoders(processes=1, memory_bytes=2**29, seconds=2)
    try:
        await decoders.check(MediaType.PNG, os.open(path, os.O_RDONLY))
        the_decoder(decoders).send_signal(signal.SIGSTOP)
        first = asyncio.create_task(decoders.check(MediaType.PNG, os.open(path, os.O_RDONLY)))
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError, match="Too many files"):
            await decoders.check(MediaType.PNG, os.open(path, os.O_RDONLY))
        the_decoder(decoders).send_signal(signal.SIGCONT)
        await first
    finally:
        decoders.close()


async def test_a_check_whose_client_has_gone_leaves_no_descriptor(own: Checker, tmp_path: Path) -> None:
    await own.refusal(png())
    before = psutil.Process().num_fds()
    checks = [
        asyncio.create_task(own.decoders.check(MediaType.PNG, os.open(tmp_path / "file", os.O_RDONLY)))
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    for check in checks:
        check.cancel()
    await asyncio.gather(*checks, return_exceptions=True)
    assert await own.refusal(png()) is None
    assert psutil.Process().num_fds() == before


async def test_closing_ends_every_decoder(tmp_path: Path) -> None:
    async with checking(tmp_path) as checker:
        await checker.refusal(png())
        decoder = the_decoder(checker.decoders)
    assert not decoder.is_running()
